"""An algorithm is chosen once for a layer, whatever its batch; threads, streams and memory."""

import sys
import threading

import cupy
import numpy as np
import pytest
from support import cublaslt_cases as cases
from support.cublaslt_cases import Layer

from mlpcore.kernels.cuda import cublaslt
from mlpcore.kernels.cuda.cublaslt import Epilogue, affine, weight_gradient
from mlpcore.kernels.cuda.cublaslt.plan import REPRESENTATIVE_ROWS


@pytest.fixture
def double(request):
    """The double of the device, with no plan made yet; a real one cannot be looked into."""
    if not request.config.pluginmanager.hasplugin("gpu_on_cpu.pytest_plugin"):
        pytest.skip("looks into the double")
    cublaslt.forget_plans()
    return request.getfixturevalue("gpu_device")


def run(layer: Layer, epilogue: Epilogue = Epilogue.BIAS) -> cupy.ndarray:
    x, W, b = map(layer.on_device, (layer.x, layer.W, layer.b))
    out = layer.empty(layer.rows, layer.outputs)
    affine(x, W, b if epilogue.adds_bias else None, out, epilogue)
    return out


def chosen(double) -> int:
    return double.counters.library_calls["cublasLtMatmulAlgoGetHeuristic"]


def test_one_choice_serves_every_batch(double):
    for rows in (1, 7, 300, 7):
        run(Layer(rows, 5, 6, "float32"))
    assert chosen(double) == 1
    assert double.counters.library_calls["cublasLtMatmul"] == 4


@pytest.mark.parametrize(
    "other",
    [
        Layer(3, 4, 6, "float32"),
        Layer(3, 5, 8, "float32"),
        Layer(3, 5, 6, "float64"),
        Layer(3, 5, 6, "float32", shift=1),
    ],
)
def test_another_width_dtype_or_alignment_is_another_choice(double, other):
    run(Layer(3, 5, 6, "float32"))
    run(other)
    assert chosen(double) == 2


def test_another_epilogue_is_another_choice(double):
    for epilogue in (Epilogue.NONE, Epilogue.BIAS, Epilogue.GELU_BIAS):
        run(Layer(3, 5, 6, "float32"), epilogue)
    assert chosen(double) == 3


def test_more_alignment_than_a_vector_access_needs_is_no_other_choice(double):
    run(Layer(3, 5, 6, "float32"))
    run(Layer(3, 5, 6, "float32", shift=4))  # 16 bytes
    assert chosen(double) == 1


@pytest.mark.parametrize("rows", [1, 5000])
def test_the_choice_does_not_look_at_the_batch(double, monkeypatch, rows):
    asked = []
    ask = double.cublaslt.heuristic

    def heuristic(handle, operation, a, b, c, d, *rest):
        read = double.cublaslt._read
        asked.append((read.layout(a), read.layout(b), read.layout(d), read.operation(operation)))
        return ask(handle, operation, a, b, c, d, *rest)

    monkeypatch.setitem(double._functions, "cublasLt.heuristic", heuristic)
    run(Layer(rows, 5, 6, "float32"))
    ((a, b, d, operation),) = asked
    assert (a.columns, b.columns, d.columns) == (6, REPRESENTATIVE_ROWS, REPRESENTATIVE_ROWS)
    assert operation.bias == 16  # an alignment, not where this bias happens to be


def test_float32_is_computed_in_float32(double, monkeypatch):
    from gpu_on_cpu.cublaslt_double import product

    types = []
    multiply = product.multiply

    def spy(operands, operation, *rest):
        types.append(operation.compute_type)
        multiply(operands, operation, *rest)

    monkeypatch.setattr(product, "multiply", spy)
    run(Layer(3, 5, 6, "float32"))
    run(Layer(3, 5, 6, "float64"))
    assert types == [68, 70]  # CUBLAS_COMPUTE_32F and _64F


def test_tf32_only_if_asked_for(double):
    x, W, out = (cupy.zeros(shape, np.float32) for shape in ((3, 5), (6, 5), (3, 6)))
    with pytest.raises(SystemError) as caught:
        affine(x, W, None, out, Epilogue.NONE, tf32=True)
    assert "TF32" in str(caught.value.__cause__)  # the double has no such arithmetic


def test_the_current_stream_is_used(double, monkeypatch):
    run(Layer(3, 5, 6, "float32"))
    used = []
    monkeypatch.setattr(double.streams, "require", used.append)
    layer = Layer(3, 5, 6, "float32")
    x, W, b = map(layer.on_device, (layer.x, layer.W, layer.b))
    out = layer.empty(3, 6)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        used.clear()
        affine(x, W, b, out)
        assert used == [stream.ptr]


def test_the_workspace_comes_from_the_current_allocator_and_goes_back(double):
    layer = Layer(3, 5, 6, "float32")
    x, W, b = map(layer.on_device, (layer.x, layer.W, layer.b))
    out = layer.empty(3, 6)
    pool = cupy.cuda.MemoryPool()
    with cupy.cuda.using_allocator(pool.malloc):
        affine(x, W, b, out)
        used = pool.total_bytes()
        affine(x, W, b, out)
    assert used > 0
    assert pool.total_bytes() == used
    assert pool.used_bytes() == 0


def test_nothing_is_copied_or_waited_for(double):
    layer = Layer(3, 5, 6, "float32")
    x, W, b, dz = map(layer.on_device, (layer.x, layer.W, layer.b, layer.dz))
    out, dW, db = layer.empty(3, 6), layer.empty(6, 5), layer.empty(6)
    double.reset_counters()
    affine(x, W, b, out)
    weight_gradient(dz, x, dW, db)
    counters = double.counters
    assert counters.library_calls["cublasLtMatmul"] == 2
    assert counters.host_to_device + counters.device_to_host + counters.device_to_device == 0
    assert counters.synchronisations == 0
    assert not counters.launches


def test_arrays_are_written_to_their_last_byte_and_no_further(double):
    layer = Layer(5, 3, 7, "float32")
    with double.exact_bounds():
        for epilogue in (Epilogue.RELU_AUX_BIAS, Epilogue.GELU_AUX_BIAS):
            x, W, b = map(layer.on_device, (layer.x, layer.W, layer.b))
            aux = cublaslt.empty_auxiliary(epilogue, 5, 7, "float32")
            out = layer.empty(5, 7)
            affine(x, W, b, out, epilogue, aux)
            assert not cupy.isnan(out).any()


def test_threads_share_a_plan():
    layers = [Layer(4 + i % 3, 5, 6, "float32", seed=i) for i in range(6)]
    arrays = [
        (*map(layer.on_device, (layer.x, layer.W, layer.b)), layer.empty(layer.rows, 6))
        for layer in layers
    ]
    start = threading.Barrier(len(layers))
    failures = []

    def work(layer, x, W, b, out):
        start.wait()
        for _ in range(15):
            out.fill(np.nan)
            affine(x, W, b, out)
            try:
                cases.within(out, *cases.affine(layer))
            except AssertionError as failure:
                failures.append(failure)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=work, args=(layer, *a))
            for layer, a in zip(layers, arrays, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failures
