import pytest
import torch

from guide.errors import InputError
from guide.llm.kvcache.observation import prefill, window_attention
from tests.llm.kvcache.conftest import make_model

WINDOW = 9


def _weights(model, ids, mask, window):
    """Attention of the last queries by our own account, and by the eager attention of the model."""
    ours = []

    def look(attention, _, given, __):
        keys = given["past_key_values"].layers[attention.layer_idx].keys
        ours.append(
            window_attention(
                attention, given["hidden_states"], given["position_embeddings"], keys, mask.bool(), window=window
            )
        )

    hooks = [layer.self_attn.register_forward_hook(look, with_kwargs=True) for layer in model.model.layers]
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        theirs = model(ids, attention_mask=mask, position_ids=positions, output_attentions=True).attentions
    for hook in hooks:
        hook.remove()
    return ours, [layer[:, :, -window:] for layer in theirs]


@pytest.mark.parametrize("kind", ["Qwen2", "Llama", "Mistral", "Qwen3"])
@pytest.mark.parametrize("width", [8, 16])
def test_the_window_s_weights_are_those_of_eager_attention(kind, width, padded):
    settings = {"sliding_window": None} if kind == "Mistral" else {}
    model = make_model(kind, attn_implementation="eager", head_dim=width, **settings)
    ids, mask = padded
    ours, theirs = _weights(model, ids, mask, WINDOW)
    assert len(ours) == 4
    for mine, eager in zip(ours, theirs, strict=True):
        assert mine.shape == (2, 4, WINDOW, 64)
        torch.testing.assert_close(mine, eager, atol=1e-5, rtol=0)
    # Weights that are all alike would agree with anything.
    assert max(float(layer.max()) for layer in ours) > 0.1


def test_a_scaled_rotation_is_taken_over(padded):
    scaled = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 32}
    model = make_model("Qwen2", attn_implementation="eager", rope_parameters=scaled)
    for mine, eager in zip(*_weights(model, *padded, WINDOW), strict=True):
        torch.testing.assert_close(mine, eager, atol=1e-5, rtol=0)


def test_scores_sum_the_weights_of_all_heads_and_queries_whatever_computes_the_attention(padded):
    ids, mask = padded
    eager = make_model("Llama", attn_implementation="eager")
    fast = make_model("Llama", attn_implementation="sdpa")
    expected = [layer.sum(dim=(1, 2)) for layer in _weights(eager, ids, mask, WINDOW)[1]]
    observed = prefill(fast, ids, mask, window=WINDOW)
    assert sorted(observed.scores) == [0, 1, 2, 3]
    for layer, scores in observed.scores.items():
        torch.testing.assert_close(scores, expected[layer], atol=1e-4, rtol=0)


def test_a_padded_row_scores_as_it_does_alone(model, padded):
    ids, mask = padded
    together = prefill(model, ids, mask, window=WINDOW)
    alone = prefill(model, ids[1:, 23:], window=WINDOW)
    assert together.prefix.next_position.tolist() == [64, 41]
    torch.testing.assert_close(together.prefix.logits[1:], alone.prefix.logits, atol=1e-4, rtol=1e-4)
    for layer in range(4):
        assert not together.scores[layer][1, :23].any()
        torch.testing.assert_close(together.scores[layer][1:, 23:], alone.scores[layer], atol=1e-4, rtol=1e-4)


def test_a_row_shorter_than_the_window_gives_no_number_that_is_none(qwen, padded):
    ids, mask = padded
    together = prefill(qwen, ids, mask, window=50).scores[0]
    assert torch.isfinite(together).all()
    # Each of its 41 queries spreads a weight of 1 in each of 4 heads.
    assert float(together[1].sum()) == pytest.approx(41 * 4, abs=1e-3)


def test_layers_between_the_steps_are_not_watched(qwen, prompt):
    assert sorted(prefill(qwen, prompt, window=WINDOW, every=2).scores) == [0, 2]


def test_watching_leaves_no_hook_behind(qwen, prompt):
    prefill(qwen, prompt)
    assert not any(layer.self_attn._forward_hooks for layer in qwen.model.layers)


def test_prompts_padded_on_the_right_or_empty_are_refused(qwen, prompt):
    right, empty, gap = (torch.ones_like(prompt) for _ in range(3))
    right[0, 60:] = 0
    empty[1] = 0
    gap[0, 30] = 0
    for mask in (right, empty, gap):
        with pytest.raises(InputError, match="padded on the left"):
            prefill(qwen, prompt, mask)


def test_a_model_with_another_attention_is_refused(prompt):
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    other = GPTNeoXForCausalLM(
        GPTNeoXConfig(vocab_size=61, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    )
    with pytest.raises(InputError, match="gpt_neox"):
        prefill(other, prompt)


def test_a_sliding_window_is_refused(prompt):
    with pytest.raises(InputError, match="SlidingWindow"):
        prefill(make_model("Mistral", sliding_window=16), prompt)


@pytest.mark.parametrize("number", ["window", "every"])
def test_an_observation_of_nothing_is_refused(qwen, prompt, number):
    with pytest.raises(InputError, match="at least 1"):
        prefill(qwen, prompt, **{number: 0})
