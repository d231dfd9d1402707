"""LLMLingua-2 through the real package, on tiny random token classifiers that are made here."""

from __future__ import annotations

import importlib
import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guide.corpus.compress import count_tokens, load_compressor
from guide.corpus.guards import find_guarded
from guide.corpus.llmlingua import LLMLingua, _hide_guarded, _placeholder, _TokenCount, load_llmlingua
from guide.errors import GuideError, InputError, ModelError

pytest.importorskip("llmlingua", reason="the package llmlingua is not installed")

SENTENCES = (
    "We propose a router that sends every packet along the shortest of its open routes.",
    "The router learns from past delays and needs no table of the whole network.",
    "On a ring of 1,024 nodes the mean delay falls by 12.5% (p < 0.05), but not on a star.",
    "Earlier routers [12] [Roe et al., 2020] kept a table and could not grow beyond 64 GB of memory.",
    "Our code, the traces and the figures of this work are open to everyone who wishes to build on them.",
    "A learned router is small, quick and simple to run on the switches that providers own today.",
)
PLAIN = " ".join((SENTENCES[0], SENTENCES[4], SENTENCES[5]))
TEXT = " ".join(SENTENCES)


@pytest.fixture(scope="module", params=["xlm-roberta", "bert"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose name tells the package nothing."""
    folder = tmp_path_factory.mktemp("classifier") / "weights"
    if request.param == "bert":
        _save_bert(folder)
    else:
        _save_xlm_roberta(folder)
    return folder


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The package's own use of transformers is not ours to mend."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_a_rate_of_one_keeps_the_text_letter_by_letter(model: Path) -> None:
    odd = "  Two   spaces\tand  A\u0301ccents stay.  "
    [result] = load_compressor("llmlingua", rate=1.0, model=model).compress([odd])
    assert (result.text, result.whole, result.lost) == (odd, True, ())


def test_a_lower_rate_keeps_no_more_tokens(model: Path) -> None:
    compressor = load_llmlingua(model, rate=0.9)
    lengths = []
    for rate in (0.9, 0.7, 0.5, 0.3, 0.1):
        compressor.rate = rate
        [result] = compressor.compress([PLAIN])
        assert not result.lost
        lengths.append(result.tokens_after)
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < 0.3 * lengths[0]


def test_the_share_of_words_kept_is_near_the_rate(model: Path) -> None:
    [result] = load_llmlingua(model, rate=0.5).compress([PLAIN])
    assert 0.35 < result.tokens_after / result.tokens_before < 0.6


def test_numbers_negations_and_citations_are_kept_though_half_the_words_go(model: Path) -> None:
    [result] = load_llmlingua(model, rate=0.5).compress([TEXT])
    assert not result.whole
    assert not result.lost
    assert [item.text for item in find_guarded(result.text)] == [item.text for item in find_guarded(TEXT)]
    for needed in (
        "no table",
        "1,024 nodes",
        "by 12.5%",
        "(p < 0.05)",
        "not on",
        "[12]",
        "[Roe et al., 2020]",
        "64 GB",
    ):
        assert needed in result.text
    assert result.tokens_after < 0.75 * result.tokens_before


def test_what_is_kept_are_words_of_the_source_in_their_order(model: Path) -> None:
    [result] = load_llmlingua(model, rate=0.5).compress([PLAIN])
    rest = iter(_letters(PLAIN))
    assert all(letter in rest for letter in _letters(result.text))


def test_the_same_texts_give_the_same_result_in_any_company(model: Path) -> None:
    first, second = load_llmlingua(model, rate=0.5), load_llmlingua(model, rate=0.5)
    together = first.compress([TEXT, PLAIN, ""])
    assert together == [second.compress([one])[0] for one in (TEXT, PLAIN, "")]
    assert first.id == second.id


def test_a_placeholder_weighs_as_much_as_the_words_it_stands_for() -> None:
    marked, hidden = _hide_guarded("The gain (p < 0.05) held.")
    assert marked.split() == ["The", *_placeholder(0).split(), "held."]
    assert hidden == ["gain (p < 0.05)"]
    assert len(_TokenCount(hidden).encode(_placeholder(0))) == count_tokens(hidden[0])


def test_an_empty_text_stays_empty(model: Path) -> None:
    for empty in ("", " \n"):
        [result] = load_llmlingua(model, rate=0.5).compress([empty])
        assert (result.text, result.whole, result.tokens_before) == (empty, True, 0)


def test_a_text_that_would_lose_something_is_stored_whole_and_says_what(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guide.corpus.llmlingua._hide_guarded", lambda text: (text, []))
    results = load_llmlingua(model, rate=0.2).compress([TEXT, PLAIN])
    assert [result.whole for result in results] == [True, False]
    assert results[0].text == TEXT
    assert results[0].lost
    assert results[0].tokens_after == results[0].tokens_before


def test_a_text_longer_than_one_pass_keeps_its_numbers(model: Path) -> None:
    long = " ".join(f"{SENTENCES[place % 2]} It took {place} seconds to run." for place in range(60))
    [result] = load_llmlingua(model, rate=0.6).compress([long])
    assert not result.lost
    assert not result.whole
    assert all(f"took {place} seconds" in result.text or f"{place} seconds" in result.text for place in range(60))


def test_a_text_with_more_guarded_words_than_placeholders_loses_none(model: Path) -> None:
    many = " ".join(f"The run of day {place} ended well and early." for place in range(130))
    [result] = load_llmlingua(model, rate=0.5).compress([many])
    assert [item.text for item in find_guarded(result.text)] == [item.text for item in find_guarded(many)]


def test_a_text_that_holds_a_placeholder_is_kept_whole(model: Path) -> None:
    text = f"{PLAIN} The token [NEW3] is written here."
    [result] = load_llmlingua(model, rate=0.5).compress([text])
    assert result.whole
    assert result.text == text


def test_loading_and_compressing_leave_every_random_generator_alone(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setenv("PYTHONHASHSEED", "7")
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    wanted = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    load_llmlingua(model, rate=0.5).compress([TEXT])
    assert (random.random(), np.random.random(), torch.rand(1).item()) == wanted
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == (False, True)
    assert os.environ["PYTHONHASHSEED"] == "7"


def test_the_package_is_left_as_it_was(model: Path) -> None:
    package = importlib.import_module("llmlingua.prompt_compressor")
    before = dict(vars(package))
    load_llmlingua(model, rate=0.5).compress([TEXT])
    assert dict(vars(package)) == before


def test_the_package_is_left_as_it_was_when_loading_fails(model: Path, tmp_path: Path) -> None:
    package = importlib.import_module("llmlingua.prompt_compressor")
    before = dict(vars(package))
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(GuideError, match="cannot be loaded"):
        load_llmlingua(broken, rate=0.5)
    assert dict(vars(package)) == before


def test_the_model_reads_its_own_special_tokens_unless_told_otherwise(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_and_last(compressor: LLMLingua) -> tuple[str, str]:
        seen: list[Any] = []
        forward = compressor._engine.model.forward

        def watched(*, input_ids: Any, attention_mask: Any) -> Any:
            seen.append(input_ids[0][attention_mask[0]].tolist())
            return forward(input_ids=input_ids, attention_mask=attention_mask)

        monkeypatch.setattr(compressor._engine.model, "forward", watched)
        compressor.compress([PLAIN])
        names = compressor._engine.tokenizer.convert_ids_to_tokens([seen[0][0], seen[0][-1]])
        return names[0], names[1]

    own, package = (load_llmlingua(model, rate=0.5, special_tokens=kind) for kind in ("model", "package"))
    is_bert = '"bert"' in (model / "config.json").read_text()
    assert first_and_last(own) == (("[CLS]", "[SEP]") if is_bert else ("<s>", "</s>"))
    assert first_and_last(package) == (("[CLS]", "[SEP]") if is_bert else ("<unk>", "<unk>"))
    assert own.id != package.id


def test_the_id_names_the_rate_and_the_weights(model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy, altered = tmp_path / "copy", tmp_path / "altered"
    shutil.copytree(model, copy)
    shutil.copytree(model, altered)
    (copy / "README.md").write_text("a remark")
    weights = load_file(altered / "model.safetensors")
    weights["classifier.bias"] = weights["classifier.bias"] + 1
    save_file(weights, altered / "model.safetensors", metadata={"format": "pt"})
    own = load_llmlingua(model, rate=0.5).id
    assert load_llmlingua(copy, rate=0.5).id == own
    assert load_llmlingua(altered, rate=0.5).id != own
    assert load_llmlingua(model, rate=0.4).id != own


def test_a_missing_model_says_which_option_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--compress-model PATH"):
        load_compressor("llmlingua")
    with pytest.raises(InputError, match="--compress-model PATH"):
        load_compressor("llmlingua", model=tmp_path / "nowhere")


def test_a_missing_package_says_how_to_get_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llmlingua.prompt_compressor", None)
    with pytest.raises(InputError, match=r"pip install 'guide-advisor\[llmlingua\]'"):
        load_compressor("llmlingua", model=model)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}')
    with pytest.raises(InputError, match="token classifier of the XLM-RoBERTa or BERT family"):
        load_compressor("llmlingua", model=tmp_path)


def test_a_damaged_config_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json"):
        load_compressor("llmlingua", model=tmp_path)


def _letters(text: str) -> list[str]:
    return [letter for letter in text.lower() if letter.isalnum()]


def _save_xlm_roberta(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from tokenizers.decoders import Metaspace
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForTokenClassification

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = Tokenizer(models.Unigram())
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    words.decoder = Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=180, special_tokens=special, unk_token=special[3])
    words.train_from_iterator(SENTENCES, trainer)
    roles = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), special, strict=True))
    ends = {"cls_token": special[0], "sep_token": special[2]}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **roles, **ends)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        config = XLMRobertaConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=520, num_labels=2, initializer_range=0.5,
        )  # fmt: skip
        XLMRobertaForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _save_bert(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizerFast

    # Written out, since training orders ties by chance. Every second word is left to be spelled in pieces.
    words = sorted({word for word in " ".join(SENTENCES).split() if word.isalpha()})[::2]
    signs = sorted(set("".join(SENTENCES)) - {" "})
    folder.mkdir(parents=True)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs, *(f"##{sign}" for sign in signs), *words]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=False)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        config = BertConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=520, num_labels=2, initializer_range=0.5,
        )  # fmt: skip
        BertForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
