"""What cuBLASLt does not do is `Refused`, and what makes no sense is a `ValueError`."""

import cupy
import numpy as np
import pytest

from mlpcore.kernels.cuda import cublaslt
from mlpcore.kernels.cuda.cublaslt import (
    Epilogue,
    Refused,
    affine,
    empty_auxiliary,
    input_gradient,
    weight_gradient,
)


def zeros(*shape: int, dtype: str = "float32") -> cupy.ndarray:
    return cupy.zeros(shape, dtype)


@pytest.mark.parametrize("epilogue", [Epilogue.DRELU, Epilogue.DGELU])
def test_a_derivative_after_a_layer_with_one_output(epilogue):
    aux = empty_auxiliary(epilogue, 3, 5, "float32")
    with pytest.raises(Refused, match="one output to sum over"):
        input_gradient(zeros(3, 1), zeros(1, 5), zeros(3, 5), epilogue, aux)


def test_a_bias_gradient_of_one_output():
    with pytest.raises(Refused, match="BGRADB with one output"):
        weight_gradient(zeros(3, 1), zeros(3, 5), zeros(1, 5), zeros(1))


@pytest.mark.parametrize("dtype", ["float16", "int32"])
def test_other_dtypes(dtype):
    x, W, b, out = (zeros(*s, dtype=dtype) for s in ((3, 5), (4, 5), (4,), (3, 4)))
    with pytest.raises(Refused, match="float32 and float64 only"):
        affine(x, W, b, out)


def test_a_layer_without_inputs():
    with pytest.raises(Refused, match="no elements"):
        affine(zeros(3, 0), zeros(4, 0), zeros(4), zeros(3, 4))


def test_what_the_heuristic_refuses_is_refused_and_remembered(request):
    if not request.config.pluginmanager.hasplugin("gpu_on_cpu.pytest_plugin"):
        pytest.skip("a real heuristic cannot be told what to refuse")
    double = request.getfixturevalue("gpu_device")
    cublaslt.forget_plans()
    arguments = zeros(3, 5), zeros(4, 5), zeros(4), cupy.full((3, 4), 7, "float32")
    with double.cublaslt.refusing(Epilogue.BIAS):
        for _ in range(3):
            with pytest.raises(Refused, match="CUBLAS_STATUS_NOT_SUPPORTED"):
                affine(*arguments)
    assert double.counters.library_calls["cublasLtMatmulAlgoGetHeuristic"] == 1
    assert (arguments[-1] == 7).all()
    with pytest.raises(Refused):
        affine(*arguments)
    cublaslt.forget_plans()
    affine(*arguments)
    assert (arguments[-1] == 0).all()


AFFINE = {
    "x": (3, 5),
    "W": (4, 5),
    "b": (4,),
    "out": (3, 4),
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": (3, 6)}, r"W must have shape \(4, 6\)"),
        ({"x": (3, 5, 1)}, "x must have two axes"),
        ({"W": (5, 5)}, r"out must have shape \(3, 5\)"),
        ({"b": (3,)}, r"b must have shape \(4,\)"),
        ({"b": None}, "needs b"),
        ({"out": (4, 4)}, "out must have shape"),
    ],
)
def test_shapes_that_do_not_fit(changed, message):
    arrays = {
        name: None if shape is None else zeros(*shape)
        for name, shape in {**AFFINE, **changed}.items()
    }
    with pytest.raises(ValueError, match=message):
        affine(**arrays)


def test_dtypes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"float32; got .* of float64"):
        affine(zeros(3, 5), zeros(4, 5, dtype="float64"), zeros(4), zeros(3, 4))


def test_rows_that_are_not_contiguous():
    with pytest.raises(ValueError, match="x must have contiguous rows"):
        affine(zeros(5, 3).T, zeros(4, 5), zeros(4), zeros(3, 4))
    with pytest.raises(ValueError, match="b must be contiguous"):
        affine(zeros(3, 5), zeros(4, 5), zeros(8)[::2], zeros(3, 4))


def test_epilogues_of_the_other_direction():
    with pytest.raises(ValueError, match="DRELU does not follow a forward product"):
        affine(zeros(3, 5), zeros(4, 5), None, zeros(3, 4), Epilogue.DRELU)
    with pytest.raises(ValueError, match="BIAS does not follow dz W"):
        input_gradient(zeros(3, 4), zeros(4, 5), zeros(3, 5), Epilogue.BIAS)


def test_a_vector_that_nobody_reads():
    with pytest.raises(ValueError, match="b is given"):
        affine(zeros(3, 5), zeros(4, 5), zeros(4), zeros(3, 4), Epilogue.NONE)
    with pytest.raises(ValueError, match="bias_gradient is given"):
        input_gradient(zeros(3, 4), zeros(4, 5), zeros(3, 5), bias_gradient=zeros(5))


@pytest.mark.parametrize(
    ("epilogue", "aux"),
    [
        (Epilogue.RELU_AUX_BIAS, None),
        (Epilogue.RELU_AUX_BIAS, np.empty((3, 1), np.uint8)),
        (Epilogue.GELU_AUX_BIAS, np.empty((3, 4), np.float32)),
        (Epilogue.GELU_AUX_BIAS, np.empty((3, 8), np.float64)),
        (Epilogue.BIAS, np.empty((3, 16), np.uint8)),
    ],
)
def test_an_auxiliary_array_of_another_epilogue(epilogue, aux):
    given = None if aux is None else cupy.asarray(aux)
    with pytest.raises(ValueError, match="auxiliary array"):
        affine(zeros(3, 5), zeros(4, 5), zeros(4), zeros(3, 4), epilogue, given)
