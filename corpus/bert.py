"""The six layers of MiniLM as torch functions over the published weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

LAYERS = 6
WIDTH = 384

_HEADS = 12
_EPSILON = 1e-12


class Weights:
    """Named tensors of the checkpoint in one number format."""

    def __init__(self, tensors: dict[str, torch.Tensor], dtype: torch.dtype) -> None:
        self._tensors = tensors
        self._dtype = dtype

    def __getitem__(self, name: str) -> torch.Tensor:
        return self._tensors[name].to(self._dtype)

    def pair(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias of a linear map or a norm."""
        return self[f"{name}.weight"], self[f"{name}.bias"]


class Embeddings:
    """Words and places, summed and normalised; one segment only, so its embedding folds into the places."""

    def __init__(self, weights: Weights) -> None:
        self._words = weights["embeddings.word_embeddings.weight"]
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        self._places = weights["embeddings.position_embeddings.weight"] + segment
        self._norm = weights.pair("embeddings.LayerNorm")

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map token ids (batch, tokens) to (batch, tokens, width)."""
        from torch.nn.functional import embedding, layer_norm

        summed = embedding(tokens, self._words) + self._places[: tokens.shape[1]]
        return layer_norm(summed, (WIDTH,), *self._norm, eps=_EPSILON)


class Layer:
    """One post-norm BERT layer (Devlin et al., NAACL 2019) on torch's fused attention.

    torch.nn.TransformerEncoderLayer computes the same at half the speed in bfloat16.
    """

    def __init__(self, weights: Weights, number: int) -> None:
        import torch

        at = f"encoder.layer.{number}"
        parts = [weights.pair(f"{at}.attention.self.{part}") for part in ("query", "key", "value")]
        self._project = (torch.cat([w for w, _ in parts]), torch.cat([b for _, b in parts]))
        self._output = weights.pair(f"{at}.attention.output.dense")
        self._norm_1 = weights.pair(f"{at}.attention.output.LayerNorm")
        self._widen = weights.pair(f"{at}.intermediate.dense")
        self._narrow = weights.pair(f"{at}.output.dense")
        self._norm_2 = weights.pair(f"{at}.output.LayerNorm")

    def __call__(self, hidden: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        """Map (batch, tokens, width) to the same shape; `real` (batch, 1, 1, tokens) is False at padding, if any."""
        from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

        batch, tokens, _ = hidden.shape
        projected = linear(hidden, *self._project).view(batch, tokens, 3, _HEADS, WIDTH // _HEADS)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value, attn_mask=real)
        merged = linear(attended.transpose(1, 2).reshape(batch, tokens, WIDTH), *self._output)
        hidden = layer_norm(hidden + merged, (WIDTH,), *self._norm_1, eps=_EPSILON)
        transformed = linear(gelu(linear(hidden, *self._widen)), *self._narrow)
        return layer_norm(hidden + transformed, (WIDTH,), *self._norm_2, eps=_EPSILON)
