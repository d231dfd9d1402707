import json

import pytest
from transformers import (
    BertConfig,
    DeepseekV3Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    T5Config,
)

from guide.errors import InputError
from guide.llm.kvcache.observation import prefill
from guide.llm.kvcache.shape import cache_shape, load_shape, parse_bytes
from tests.llm.kvcache.conftest import make_model


def test_bytes_a_token_count_the_key_heads_and_not_those_of_the_queries():
    config = Qwen2Config(
        hidden_size=1536, num_attention_heads=12, num_key_value_heads=2, num_hidden_layers=28, dtype="bfloat16"
    )
    shape = cache_shape(config)
    assert (shape.layers, shape.key_heads, shape.head_dim, shape.dtype) == (28, 2, 128, "bfloat16")
    assert shape.bytes_per_token == 28 * 1024


def test_a_head_may_be_wider_than_its_part_of_the_model():
    config = Qwen3Config(
        hidden_size=2560,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        num_hidden_layers=36,
        dtype="bfloat16",
    )
    assert cache_shape(config).bytes_per_token == 144 * 1024


@pytest.mark.parametrize("kind", ["Qwen2", "Llama", "Mistral", "Qwen3"])
def test_the_count_is_that_of_a_real_cache(kind, prompt):
    model = make_model(kind, head_dim=16, **({"sliding_window": None} if kind == "Mistral" else {}))
    assert prefill(model, prompt).prefix.bytes == prompt.numel() * cache_shape(model.config).bytes_per_token


def test_weights_of_an_unsaid_format_count_as_float32_and_a_format_can_be_asked_for():
    assert (cache_shape(LlamaConfig()).dtype, cache_shape(LlamaConfig()).itemsize) == ("float32", 4)
    assert cache_shape(LlamaConfig(), dtype="float16").itemsize == 2
    for name in ("int8", "save", "no"):
        with pytest.raises(InputError, match="no number format"):
            cache_shape(LlamaConfig(), dtype=name)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (DeepseekV3Config(), "MLA"),
        (T5Config(), "do not continue text"),
        (BertConfig(architectures=["BertModel"]), "do not continue text"),
        (MistralConfig(sliding_window=4096), "sliding_attention"),
        (Gemma3TextConfig(), "sliding_attention"),
    ],
)
def test_a_cache_of_another_kind_is_refused(config, complaint):
    with pytest.raises(InputError, match=complaint):
        cache_shape(config)


def test_a_shape_is_read_off_a_folder_that_holds_a_configuration_and_no_weights(tmp_path):
    Qwen2Config(num_hidden_layers=3, max_position_embeddings=777, dtype="float16").save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    shape = load_shape(str(tmp_path))
    assert (shape.layers, shape.context, shape.dtype) == (3, 777, "float16")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "no config.json"), ("{", "cannot be read"), ("[]", "cannot be read"), ('{"model_type": "x"}', "cannot be")],
)
def test_a_folder_without_a_usable_configuration_is_refused_by_name(tmp_path, text, complaint):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=complaint) as caught:
        load_shape(str(tmp_path))
    assert caught.value.where == str(tmp_path)


def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(tmp_path):
    for name in (str(tmp_path / "none"), "./none", "a/b/c"):
        with pytest.raises(InputError, match="no such folder"):
            load_shape(name)


def test_an_id_that_the_hub_does_not_answer_is_refused_by_name():
    with pytest.raises(InputError, match="somebody/a-model-not-kept-here"):
        load_shape("somebody/a-model-not-kept-here")


def test_a_configuration_with_nonsense_in_it_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "num_hidden_layers": "many"}))
    with pytest.raises(InputError):
        load_shape(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GiB", 8 * 2**30),
        ("1.5 gib", 3 * 2**29),
        ("500MB", 500 * 10**6),
        ("2TB", 2 * 10**12),
        ("1024", 1024),
        ("7B", 7),
    ],
)
def test_sizes_are_read_with_their_units(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1GiB", "8 G", "8GiBs", "0", "0.1B", "nan", "1e9", "8,5GiB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match="no size"):
        parse_bytes(text)
