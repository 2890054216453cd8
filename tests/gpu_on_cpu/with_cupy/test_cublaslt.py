"""The double of cuBLASLt, called as C programs call it: column-major, and by numbers."""

import ctypes
from ctypes import byref, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

import cupy
import numpy as np
import pytest
from gpu_on_cpu import DeviceMemoryError
from gpu_on_cpu.cublaslt_double import load_cublaslt_double

COMPUTE_32F, R_32F = 68, 0
TRANSPOSE_A, TRANSPOSE_B, EPILOGUE, BIAS, AUX, AUX_LEADING = 3, 4, 7, 8, 11, 12
RELU_AUX_BIAS, BGRADA, BGRADB, DRELU = 134, 256, 512, 136
INVALID_VALUE, NOT_SUPPORTED = 7, 15
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def lt():
    try:
        return ctypes.CDLL("libcublasLt.so.13")
    except OSError:
        pytest.skip("nvidia-cublas is not installed, and without it there is no double of it")


class Call:
    """One product of matrices that are stored in columns."""

    def __init__(self, lt, a, b, d, scale=(1, 0), **attributes):
        self.lt, self.arrays = lt, (a, b, d, d)
        self.scale = [byref(c_float(value)) for value in scale]
        self.operation = c_void_p()
        lt.cublasLtMatmulDescCreate(byref(self.operation), COMPUTE_32F, R_32F)
        self.layouts = [self.layout(array) for array in self.arrays]
        self.preference, self.algorithm = c_void_p(), (c_uint64 * 12)()
        lt.cublasLtMatmulPreferenceCreate(byref(self.preference))
        self.handle = c_void_p()
        lt.cublasLtCreate(byref(self.handle))

    def layout(self, array):
        made = c_void_p()
        rows, columns = (c_uint64(extent) for extent in array.shape)
        leading = c_int64(array.strides[1] // array.itemsize)
        self.lt.cublasLtMatrixLayoutCreate(byref(made), R_32F, rows, columns, leading)
        return made

    def set(self, attribute, value):
        size = c_size_t(ctypes.sizeof(value))
        return self.lt.cublasLtMatmulDescSetAttribute(self.operation, attribute, byref(value), size)

    def choose(self):
        found = c_int(-1)
        status = self.lt.cublasLtMatmulAlgoGetHeuristic(
            self.handle, self.operation, *self.layouts, self.preference, 1, self.algorithm,
            byref(found),
        )  # fmt: skip
        assert found.value == (status == 0)
        return status

    def run(self, *, algorithm=False):
        (A, B, C, D), (a, b, c, d) = (c_void_p(x.data.ptr) for x in self.arrays), self.layouts
        alpha, beta = self.scale
        return self.lt.cublasLtMatmul(
            self.handle, self.operation, alpha, A, a, B, b, beta, C, c, D, d,
            self.algorithm if algorithm else None, None, c_size_t(0), None,
        )  # fmt: skip


def columns(rows: int, count: int, fill: float | None = None) -> cupy.ndarray:
    """A matrix in columns, of random numbers or of one."""
    if fill is not None:
        return cupy.full((count, rows), fill, np.float32).T
    return cupy.asarray(RNG.standard_normal((count, rows)).astype(np.float32)).T


def close(got: cupy.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(got.get(), expected, rtol=1e-5, atol=1e-5)


@pytest.fixture
def call(lt):
    return Call(lt, columns(4, 3), columns(3, 5), columns(4, 5, np.nan))


def test_it_is_found_by_name_and_by_pathfinder(lt):
    pathfinder = pytest.importorskip("cuda.pathfinder")
    found = pathfinder.load_nvidia_dynamic_lib("cublasLt")
    assert found.was_already_loaded_from_elsewhere
    assert found.abs_path == lt._name or ctypes.CDLL(found.abs_path)._handle == lt._handle
    assert lt.cublasLtGetVersion() >= 130000


def test_where_it_is_not_installed_there_is_no_double(gpu_device, monkeypatch):
    monkeypatch.setattr("sys.path", [])
    assert load_cublaslt_double(gpu_device) == []


def test_a_product(call, gpu_device):
    a, b, d, _ = call.arrays
    assert call.run() == 0
    close(d, a.get() @ b.get())
    assert gpu_device.counters.library_calls["cublasLtMatmul"] == 1


def test_scales_and_what_was_there(lt):
    a, b, d = columns(4, 3), columns(3, 5), columns(4, 5)
    before = d.get()
    assert Call(lt, a, b, d, scale=(2, 0.5)).run() == 0
    close(d, 2 * (a.get() @ b.get()) + before / 2)


def test_transposes(lt):
    a, b, d = columns(3, 4), columns(5, 3), columns(4, 5)
    call = Call(lt, a, b, d)
    assert call.run() == INVALID_VALUE
    call.set(TRANSPOSE_A, c_int32(1))
    call.set(TRANSPOSE_B, c_int32(1))
    assert call.run() == 0
    close(d, a.get().T @ b.get().T)


@pytest.mark.parametrize("epilogue", [BGRADA, BGRADB])
def test_sums_of_an_operand(lt, epilogue):
    a, b, d = columns(4, 3), columns(5, 3), columns(4, 5)
    call = Call(lt, a, b, d)
    call.set(TRANSPOSE_B, c_int32(1))
    sums = cupy.empty(4 if epilogue == BGRADA else 5, np.float32)
    call.set(EPILOGUE, c_uint32(epilogue))
    assert call.run() == INVALID_VALUE  # nowhere to store them
    call.set(BIAS, c_void_p(sums.data.ptr))
    assert call.run() == 0
    close(d, a.get() @ b.get().T)
    close(sums, (a if epilogue == BGRADA else b).get().sum(axis=1))


def test_sums_of_an_operand_in_the_wrong_order(call):
    call.set(EPILOGUE, c_uint32(BGRADB))
    call.set(BIAS, c_void_p(cupy.empty(5, np.float32).data.ptr))
    assert call.run() == NOT_SUPPORTED


def test_the_mask_has_a_bit_for_each_row_in_each_column(lt):
    a, b, d = columns(10, 3), columns(3, 2), columns(10, 2)
    call = Call(lt, a, b, d)
    mask, bias = cupy.zeros((2, 16), np.uint8), cupy.ones(10, np.float32)
    call.set(EPILOGUE, c_uint32(RELU_AUX_BIAS))
    call.set(BIAS, c_void_p(bias.data.ptr))
    call.set(AUX, c_void_p(mask.data.ptr))
    assert call.run() == INVALID_VALUE  # no leading dimension
    call.set(AUX_LEADING, c_int64(64))
    assert call.run() == INVALID_VALUE  # no multiple of 128
    call.set(AUX_LEADING, c_int64(128))
    assert call.run() == 0
    z = a.get() @ b.get() + 1
    for row, column in np.ndindex(z.shape):
        bit = int(mask[column, row // 8]) >> (row % 8) & 1
        assert bit == (z[row, column] >= 0)
    assert not mask[:, 2:].any()


def test_a_derivative_after_one_term(lt):
    call = Call(lt, columns(4, 1), columns(1, 5), columns(4, 5))
    mask = cupy.zeros((5, 16), np.uint8)
    call.set(EPILOGUE, c_uint32(DRELU))
    call.set(AUX, c_void_p(mask.data.ptr))
    call.set(AUX_LEADING, c_int64(128))
    assert call.run() == NOT_SUPPORTED


def test_an_algorithm_is_bound_to_what_it_was_chosen_for(call):
    assert call.run(algorithm=True) == INVALID_VALUE  # none was chosen
    assert call.choose() == 0
    assert call.run(algorithm=True) == 0
    call.set(EPILOGUE, c_uint32(4))
    call.set(BIAS, c_void_p(cupy.ones(4, np.float32).data.ptr))
    assert call.run(algorithm=True) == NOT_SUPPORTED


def test_what_a_test_wants_refused_is_refused(call, gpu_device):
    with gpu_device.cublaslt.refusing(1):
        assert call.choose() == NOT_SUPPORTED
        assert call.run() == NOT_SUPPORTED
    assert call.choose() == 0


def test_an_algorithm_relies_on_the_alignment_that_was_promised(lt):
    memory = cupy.zeros(21, np.float32)
    call = Call(lt, columns(4, 3), columns(3, 5), memory[1:].reshape(5, 4).T)
    assert call.choose() == 0  # a preference promises 256 bytes if it says nothing else
    raises(DeviceMemoryError, "not aligned to 256", call, algorithm=True)


def test_the_real_library_checks_sizes_of_attributes(call):
    assert call.set(TRANSPOSE_A, c_int64(1)) == INVALID_VALUE
    assert call.set(999, c_int32(1)) == INVALID_VALUE


def raises(kind, message, call, **options):
    """The exception is the cause of what the interpreter makes of it."""
    with pytest.raises(SystemError) as caught:
        call.run(**options)
    assert isinstance(caught.value.__cause__, kind)
    assert message in str(caught.value.__cause__)


def test_an_epilogue_that_does_not_exist(call):
    call.set(EPILOGUE, c_uint32(4000))
    raises(NotImplementedError, "epilogue 4000", call)


def test_an_attribute_that_is_not_emulated(call):
    call.set(2, c_int32(1))  # scalars in device memory
    raises(NotImplementedError, "attribute 2 of cublasLtMatmulDesc", call)


def test_a_precision_that_is_not_emulated(call):
    call.set(0, c_int32(77))
    raises(NotImplementedError, "TF32", call)


def test_a_matrix_that_reaches_beyond_its_memory(lt, gpu_device):
    with gpu_device.exact_bounds():
        d = columns(4, 4)
    wider = cupy.lib.stride_tricks.as_strided(d, (4, 5), d.strides)
    call = Call(lt, columns(4, 3), columns(3, 5), wider)
    raises(DeviceMemoryError, "not inside one device allocation", call)


def test_what_is_scaled_by_zero_is_not_read(call):
    a, b, _, d = call.arrays
    nowhere = cupy.cuda.MemoryPointer(cupy.cuda.UnownedMemory(0, 80, call, 0), 0)
    call.arrays = a, b, cupy.ndarray((4, 5), np.float32, nowhere, (4, 16)), d
    assert call.run() == 0
    close(d, a.get() @ b.get())
