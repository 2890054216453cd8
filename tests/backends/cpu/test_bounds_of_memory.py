"""Memory that may not be touched surrounds every array: parameters, scratch, inputs and results."""

import numpy as np
import pytest
from support.edges import CAN_PROTECT, at_the_edge
from support.networks import ISAS, Example, all_work_is_shared
from support.panels import same_bits

import mlpcore
from mlpcore.backends.cpu import network_table, own_calls, pass_record, predictor
from mlpcore.backends.cpu.backend import CPUBackend

pytestmark = [
    pytest.mark.skipif(not ISAS, reason="this processor has no fused multiply-add"),
    pytest.mark.skipif(not CAN_PROTECT, reason="there is no mprotect"),
]
each_isa = pytest.mark.parametrize("isa", ISAS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture
def fenced(monkeypatch):
    """Let every array that the engine makes end where memory may not be touched."""

    def fenced_zeros(length, dtype):
        return at_the_edge(np.zeros(length, dtype), alignment=64)

    def fenced_scratch(num_bytes):
        dirt = np.full(num_bytes, 0xFF, np.uint8)  # NaN, whatever the dtype
        block = at_the_edge(dirt, alignment=64)
        return block.ctypes.data, block

    monkeypatch.setattr(
        CPUBackend, "zeros", lambda self, length, dtype: fenced_zeros(length, dtype)
    )
    for module in (network_table, pass_record):
        monkeypatch.setattr(module, "aligned", fenced_zeros)
    for module in (own_calls, predictor, pass_record):
        monkeypatch.setattr(module, "scratch", fenced_scratch)


@pytest.mark.usefixtures("fenced")
@each_isa
@each_dtype
@pytest.mark.parametrize("front", [False, True])
def test_nothing_beyond_an_array_is_touched(isa, dtype, front):
    cases = [
        Example((3, 5, 2), ("relu",), "softmax", True, True, dtype, 1),
        Example((17, 33, 1), ("tanh",), "sigmoid", False, False, dtype, 2),
        Example((16, 64, 19), ("softmax",), "log_softmax", True, False, dtype, 3),
        Example((300, 7, 40), ("gelu", "elu"), "identity", True, True, dtype, 4),
    ]
    for example in cases:
        model = example.model(isa)
        for rows in (1, 2, 7, 16, 33, 70):
            x = at_the_edge(example.batch(rows), front=front)
            dz = at_the_edge(example.gradient(rows), front=front)
            t = at_the_edge(example.targets(rows), front=front)
            weights = at_the_edge(np.ones(rows, dtype), front=front)
            out = at_the_edge(np.empty((rows, example.sizes[-1]), dtype), front=front)
            for threads in (1, 3):
                with all_work_is_shared(), mlpcore.threads(threads):
                    assert model(x, out) is out
                    assert same_bits(out, model(x))
                    model.backward(model.forward(x)[1], dz, intermediates=True)
                    for optimizer in ("sgd", "adam"):
                        trainer = model.trainer(loss=example.loss, optimizer=optimizer, l2=0.1)
                        trainer.step(x, t, weights)
                        trainer.step(x, t)
