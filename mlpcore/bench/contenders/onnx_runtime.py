"""ONNX Runtime."""

from itertools import pairwise
from typing import Any

from mlpcore.bench.contender import Contender, Inference
from mlpcore.bench.spec import Array, Parameters, Spec

_OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "gelu": "Gelu"}
_OPSET, _IR_VERSION = 20, 10  # the first opset with Gelu, and its version of the file format


class OnnxRuntime(Contender):
    """``session.run``, with a graph of Gemm nodes whose weights are initializers.

    All graph optimisations, a fixed batch size, and the array handed over as it is: binding inputs
    and outputs takes three microseconds longer, because Python does it in every call.
    """

    name = "onnxruntime"
    distributions = ("onnxruntime", "onnx")
    requires = {"onnxruntime": "onnxruntime", "onnx": "onnx"}  # noqa: RUF012
    modes = ("inference",)
    activations = ("identity", *_OPERATORS)

    def unavailable(self, spec: Spec) -> str | None:
        """Return a reason also for GELU in float64, for which there is no kernel."""
        if spec.activation == "gelu" and spec.dtype == "float64":
            return "has no GELU in float64"
        return super().unavailable(spec)

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:
        """Return the run of a session."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        session: Any = onnxruntime.InferenceSession(
            _model(spec, parameters, batch_size).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )

        def forward(x: Array) -> Any:
            return session.run(["z"], {"x": x})[0]

        return forward


def _model(spec: Spec, parameters: Parameters, batch_size: int) -> Any:
    """Return the network as an ONNX model from ``x`` to ``z``."""
    from onnx import TensorProto, helper, numpy_helper

    constants, nodes = [], []
    names = ["x", *(f"a{i}" for i in range(1, len(parameters))), "z"]
    for i, ((a, result), (W, b)) in enumerate(zip(pairwise(names), parameters, strict=True)):
        constants += [numpy_helper.from_array(W, f"W{i}"), numpy_helper.from_array(b, f"b{i}")]
        operator = _OPERATORS.get(spec.activation) if result != "z" else None
        z = result if operator is None else f"z{i}"
        nodes.append(helper.make_node("Gemm", [a, f"W{i}", f"b{i}"], [z], transB=1))
        if operator is not None:
            nodes.append(helper.make_node(operator, [z], [result]))
    kind = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}[spec.dtype]
    x, z = (
        helper.make_tensor_value_info(name, kind, [batch_size, width])
        for name, width in (("x", spec.layers[0]), ("z", spec.layers[-1]))
    )
    return helper.make_model(
        helper.make_graph(nodes, "network", [x], [z], constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
