"""OpenVINO."""

from typing import Any

from mlpcore.bench.contender import Contender, Inference
from mlpcore.bench.spec import Array, Parameters, Spec


class OpenVino(Contender):
    """An inference request of a model compiled for latency, a fixed batch size and float32.

    Input and output share memory with the arrays.  Its Python layer around ``infer(x)`` costs some
    ten microseconds more than setting the tensors.
    """

    name = "openvino"
    distributions = ("openvino",)
    requires = {"openvino": "openvino"}  # noqa: RUF012
    modes = ("inference",)
    dtypes = ("float32",)  # its CPU plugin turns float64 into float32
    activations = ("identity", "relu", "tanh", "sigmoid", "gelu")

    def prepare(self, spec: Spec, parameters: Parameters, batch_size: int) -> Inference:
        """Return the inference of a request."""
        import openvino

        compiled = openvino.Core().compile_model(
            _model(spec, parameters, batch_size),
            "CPU",
            {
                "INFERENCE_NUM_THREADS": spec.threads,
                "NUM_STREAMS": 1,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
            },
        )
        request: Any = compiled.create_infer_request()

        def forward(x: Array) -> Any:
            request.set_input_tensor(openvino.Tensor(x, shared_memory=True))
            request.infer()
            return request.get_output_tensor().data

        return forward


def _model(spec: Spec, parameters: Parameters, batch_size: int) -> Any:
    import numpy as np
    import openvino
    from openvino import opset13 as op

    x: Any = op.parameter([batch_size, spec.layers[0]], np.float32)
    a = x
    for i, (W, b) in enumerate(parameters):
        a = op.add(op.matmul(a, op.constant(W), False, True), op.constant(b[None, :]))
        if i < len(parameters) - 1 and spec.activation != "identity":
            f = getattr(op, spec.activation)
            a = f(a, "erf") if spec.activation == "gelu" else f(a)
    return openvino.Model([a], [x], "network")
