"""MiniLM as an ONNX graph, and its weights in eight bits.

The graph holds the six post-norm BERT layers (Devlin et al., NAACL 2019) in the fused operators of ONNX Runtime, and
gives every token of every layer. Matrices are quantised a column at a time to seven bits' range, so that the integer
sums cannot overflow on processors without VNNI and are the same on all; the word vectors a row at a time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.corpus.minilm.model import LAYERS
from guide.corpus.windows import MAX_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx
    from numpy.typing import NDArray

_MICROSOFT = "com.microsoft"
_HEADS = 12
_EPSILON = 1e-12


class _Graph:
    """Nodes and weights, added one after another; each is named for what it gives."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add an array; its name."""
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Add an operator with one output; the name of that."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes))
        return output


def build_graph(tensors: Mapping[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """The encoder: `ids` (1, tokens) int32 to `hidden` (layers + 1, tokens, width) float32, the embeddings first."""
    from onnx import TensorProto, helper

    graph = _Graph()
    hidden = _embed(graph, tensors)
    layers = [hidden]
    for number in range(LAYERS):
        hidden = _layer(graph, tensors, number, hidden)
        layers.append(hidden)
    graph.node("Concat", layers, "hidden", axis=0)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT32, [1, "tokens"])
    output = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [LAYERS + 1, "tokens", 384])
    made = helper.make_graph(graph.nodes, "minilm", [ids], [output], graph.weights)
    operators = [helper.make_opsetid("", 17), helper.make_opsetid(_MICROSOFT, 1)]
    return helper.make_model(made, opset_imports=operators, ir_version=8, producer_name="guide")


def quantise(model: onnx.ModelProto) -> onnx.ModelProto:
    """The layers' matrices as eight-bit numbers, multiplied with activations quantised as they come."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        onnx.save(model, str(source))
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Attention"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            # Shapes are not inferred through the fused operators.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        return onnx.load(str(target))


def _embed(graph: _Graph, tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """Words and places, summed and normalised; one segment only, so its embedding folds into the places."""
    from onnx import TensorProto

    words = tensors["embeddings.word_embeddings.weight"]
    scale = (np.abs(words).max(axis=1, keepdims=True) / 127).astype(np.float32)
    graph.weight("word_codes", np.round(words / scale).astype(np.int8))
    graph.weight("word_scales", scale)
    places = tensors["embeddings.position_embeddings.weight"][:MAX_TOKENS]
    graph.weight("places", (places + tensors["embeddings.token_type_embeddings.weight"][0]).astype(np.float32))
    graph.node("Gather", ["word_codes", "ids"], "codes", axis=0)
    graph.node("Cast", ["codes"], "levels", to=TensorProto.FLOAT)
    graph.node("Gather", ["word_scales", "ids"], "scales", axis=0)
    graph.node("Mul", ["levels", "scales"], "words")
    graph.node("Shape", ["ids"], "tokens", start=1, end=2)
    graph.node("Slice", ["places", graph.weight("zero", np.zeros(1, np.int64)), "tokens"], "placed")
    graph.node("Add", ["words", "placed"], "summed")
    norm = _norm(graph, tensors, "embeddings.LayerNorm", "embedded")
    return graph.node("LayerNormalization", ["summed", *norm], "embedded", axis=-1, epsilon=_EPSILON)


def _layer(graph: _Graph, tensors: Mapping[str, NDArray[np.float32]], number: int, hidden: str) -> str:
    """Attention, and the two maps behind it; each with its residual and norm."""
    at, name = f"encoder.layer.{number}", f"layer{number}"
    parts = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
    weights = graph.weight(f"{name}_qkv", np.concatenate([tensors[f"{part}.weight"].T for part in parts], axis=1))
    biases = graph.weight(f"{name}_qkv_bias", np.concatenate([tensors[f"{part}.bias"] for part in parts]))
    attended = graph.node("Attention", [hidden, weights, biases], f"{name}_attended", _MICROSOFT, num_heads=_HEADS)
    hidden = _close(graph, tensors, f"{at}.attention.output", attended, hidden, f"{name}_mixed")
    widened = _multiply(graph, tensors, f"{at}.intermediate.dense", hidden, f"{name}_wide")
    bias = graph.weight(f"{name}_wide_bias", tensors[f"{at}.intermediate.dense.bias"])
    activated = graph.node("BiasGelu", [widened, bias], f"{name}_gelu", _MICROSOFT)
    return _close(graph, tensors, f"{at}.output", activated, hidden, name)


def _close(
    graph: _Graph, tensors: Mapping[str, NDArray[np.float32]], at: str, inner: str, residual: str, name: str
) -> str:
    """A linear map, the residual added, and the norm."""
    mapped = _multiply(graph, tensors, f"{at}.dense", inner, f"{name}_mapped")
    bias = graph.weight(f"{name}_bias", tensors[f"{at}.dense.bias"])
    norm = _norm(graph, tensors, f"{at}.LayerNorm", name)
    inputs = [mapped, residual, *norm, bias]
    return graph.node("SkipLayerNormalization", inputs, name, _MICROSOFT, epsilon=_EPSILON)


def _multiply(graph: _Graph, tensors: Mapping[str, NDArray[np.float32]], at: str, inner: str, name: str) -> str:
    weights = graph.weight(f"{name}_weights", tensors[f"{at}.weight"].T)
    return graph.node("MatMul", [inner, weights], name)


def _norm(graph: _Graph, tensors: Mapping[str, NDArray[np.float32]], at: str, name: str) -> list[str]:
    gain = graph.weight(f"{name}_gain", tensors[f"{at}.weight"])
    return [gain, graph.weight(f"{name}_shift", tensors[f"{at}.bias"])]
