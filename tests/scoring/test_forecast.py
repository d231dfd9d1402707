from __future__ import annotations

import json
from pathlib import Path

import pytest

from guide.engines import EngineChoice, load_text_model, reasoner_options
from guide.errors import InputError, ModelError
from guide.llm.chat_reasoner import ChatReasoner
from guide.llm.reasoner import Reasoner
from guide.llm.server.model import ServerModel
from guide.scoring.forecast import forecast
from tests.llm.llm_server import serve
from tests.llm.requests import request_about
from tests.llm.tiny_models import make_qwen2

REQUESTS = [
    request_about(f"Idea {number}", "We keep what matters of each paper. " * (number + 1), name=str(number), papers=0)
    for number in range(5)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen2(tmp_path_factory.mktemp("qwen2"), context=8192)


def of_server(url: str, **settings: object) -> EngineChoice:
    return EngineChoice("openai", model="small", base_url=url, thinking=64, **settings)  # type: ignore[arg-type]


def test_a_server_is_not_asked_and_no_key_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading it would raise: no key has a line break.
    monkeypatch.setenv("GUIDE_API_KEY", "a\nb")
    with serve() as server:
        found = forecast(of_server(server.url), REQUESTS)
        assert server.requests == []
    assert found.calls == 5 * (1 + 3)
    assert found.cost is None
    assert "cost unknown without prices" in found.sentence


@pytest.mark.parametrize("ignores", [[], ["logprobs"], ["logprobs", "n"]])
def test_a_server_takes_no_more_calls_and_tokens_than_was_forecast(ignores: list[str]) -> None:
    def answer(prompt: str, seed: int) -> str:
        return json.dumps({"rating": "E"})

    with serve(ignores=ignores, answer=answer) as server:
        choice = of_server(server.url)
        found = forecast(choice, REQUESTS)
        model = ServerModel("small", server.url, concurrency=1)
        answers = ChatReasoner(model, reasoner_options(choice)).judge(REQUESTS)
        assert len(answers) == 5
        assert len(server.requests) <= found.calls
        # The test's server counts words, of which each has more than one of our tokens.
        assert model.usage.prompt_tokens <= found.tokens_in
        assert model.usage.drawn_tokens <= found.tokens_out
        most = sum(
            (1 if "n" in ignores else request.get("n", 1)) * request["max_tokens"] for request in server.requests
        )
        assert most <= found.tokens_out


def test_prices_and_a_cap_are_told() -> None:
    choice = of_server("http://localhost:1/v1", price_in=2.0, price_out=3.0, max_tokens_total=1000)
    found = forecast(choice, REQUESTS)
    assert found.cost == pytest.approx((2 * found.tokens_in + 3 * found.tokens_out) / 1e6)
    assert f"cost at most {found.cost:.4g}" in found.sentence
    assert "the cap of 1,000 tokens may end it before" in found.sentence


def test_without_thinking_a_local_model_reads_what_was_forecast(folder: Path) -> None:
    choice = EngineChoice("transformers", model=str(folder), thinking=0)
    found = forecast(choice, REQUESTS)
    model = load_text_model(choice)
    engine = Reasoner(model, reasoner_options(choice))
    before = model.usage.prompt_tokens
    engine.judge(REQUESTS)
    # Only the words that lead up to the rating come on top.
    assert 1 <= (model.usage.prompt_tokens - before - found.tokens_in) / len(REQUESTS) <= 4
    assert (found.calls, found.tokens_out, model.usage.drawn_tokens) == (5, 0, 0)
    assert "counted by the model's tokenizer" in found.sentence


@pytest.mark.parametrize(("trim", "thinking"), [(False, 24), (True, 24), (True, 600)])
def test_a_local_model_draws_no_more_than_was_forecast(folder: Path, trim: bool, thinking: int) -> None:
    choice = EngineChoice("transformers", model=str(folder), runs=2, thinking=thinking, trim=trim)
    few = REQUESTS[:2] if thinking < 100 else REQUESTS[:1]
    found = forecast(choice, few)
    model = load_text_model(choice)
    Reasoner(model, reasoner_options(choice)).judge(few)
    assert 0 < model.usage.drawn_tokens <= found.tokens_out == 2 * thinking * len(few)


def test_the_weights_are_not_loaded(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    whole, without = (forecast(EngineChoice("vllm", model=str(one)), REQUESTS) for one in (folder, tmp_path))
    assert without == whole
    assert "prefix cache" in without.sentence


def test_a_model_that_is_not_here_is_counted_roughly() -> None:
    found = forecast(EngineChoice("transformers", model="nobody/has-this-model", thinking=0), REQUESTS)
    assert found.tokens_in > 0
    assert "is not on this machine" in found.sentence


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="torch is not installed: make test-all brings it")
    with pytest.raises(ModelError, match="tokenizer cannot be loaded"):
        forecast(EngineChoice("transformers", model=str(tmp_path)), REQUESTS)


def test_the_student_is_timed() -> None:
    found = forecast(EngineChoice(), REQUESTS)
    assert found.seconds is not None
    assert found.seconds > 0
    assert (found.calls, found.tokens_in, found.tokens_out, found.cost) == (0, 0, 0, None)
    assert found.sentence.startswith("5 to judge by student, about ")
    assert "measured on 5 of them" in found.sentence


def test_nothing_to_judge_takes_nothing() -> None:
    assert forecast(EngineChoice(), []).sentence == "0 to judge by student, about 0 s"
    assert forecast(of_server("http://localhost:1/v1"), []).calls == 0


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        (EngineChoice("abacus"), "no engine called"),
        (EngineChoice("openai", model="m"), "needs an address"),
        (EngineChoice("transformers"), "needs a model"),
        (EngineChoice(model="m"), "takes no other"),
        (EngineChoice("vllm", model="m", base_url="http://localhost:1/v1"), "runs here"),
    ],
)
def test_what_could_not_be_loaded_is_not_forecast(choice: EngineChoice, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        forecast(choice, REQUESTS)
