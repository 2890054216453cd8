"""The device: kernels of the user's own, memory, streams, counters and faults."""

import os
import subprocess
import sys
from pathlib import Path

import cupy
import numpy as np
import pytest
from gpu_on_cpu import (
    CaptureError,
    DeviceMemoryError,
    GpuOnCpuError,
    KernelFault,
    LaunchError,
    UnsupportedPTXError,
)

ADD_ONE = cupy.RawKernel(
    """
extern "C" __global__ void add_one(float *x, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] += 1.0f;
}
""",
    "add_one",
)

REVERSE = """
extern "C" __global__ void reverse(float *x) {
    extern __shared__ float tile[];
    tile[threadIdx.x] = x[threadIdx.x];
    %s
    x[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
"""


def test_an_elementwise_kernel():
    leaky = cupy.ElementwiseKernel("T z, T slope", "T a", "a = z > 0 ? z : slope * z", "leaky")
    z = np.linspace(-1, 1, 11, dtype=np.float32)
    got = leaky(cupy.asarray(z), np.float32(0.1))
    np.testing.assert_array_equal(got.get(), np.where(z > 0, z, np.float32(0.1) * z))


def test_a_reduction_kernel():
    squares = cupy.ReductionKernel("T x", "T y", "x * x", "a + b", "y = sqrt(a)", "0", "length")
    x = np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(
        squares(cupy.asarray(x), axis=1).get(), np.sqrt((x * x).sum(1)), rtol=1e-15
    )


def test_a_fused_function():
    @cupy.fuse
    def silu(z):
        return z / (1 + cupy.exp(-z))

    z = np.linspace(-4, 4, 9)
    np.testing.assert_allclose(silu(cupy.asarray(z)).get(), z / (1 + np.exp(-z)), rtol=1e-15)


def test_a_kernel_of_several_blocks():
    x = cupy.zeros(1000, np.float32)
    ADD_ONE((4,), (256,), (x, np.int32(1000)))
    assert (x.get() == 1).all()


def test_shared_memory_and_a_barrier():
    x = cupy.arange(64, dtype=np.float32)
    cupy.RawKernel(REVERSE % "__syncthreads();", "reverse")((1,), (64,), (x,), shared_mem=256)
    np.testing.assert_array_equal(x.get(), np.arange(64)[::-1])


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_a_forgotten_barrier_is_found(gpu_device, order):
    x = cupy.arange(64, dtype=np.float32)
    kernel = cupy.RawKernel(REVERSE % "", "reverse")
    with gpu_device.order(order), pytest.raises(KernelFault, match=r"race|uninitialised"):
        kernel((1,), (64,), (x,), shared_mem=256)


def test_an_overrun_is_found_where_bounds_are_exact(gpu_device):
    ADD_ONE((1,), (32,), (cupy.zeros(10, np.float32), np.int32(32)))  # inside the pool's 512 bytes
    with gpu_device.exact_bounds():
        x = cupy.zeros(10, np.float32)
        with pytest.raises(KernelFault, match="out of bounds") as caught:
            ADD_ONE((1,), (32,), (x, np.int32(32)))
        assert caught.value.thread[0] >= 10


def test_new_memory_reads_as_nan(gpu_device):
    with gpu_device.exact_bounds():
        for dtype in (np.float16, np.float32, np.float64):
            assert np.isnan(cupy.empty(3, dtype).get()).all()


def test_the_use_of_freed_memory_is_found(gpu_device):
    with gpu_device.exact_bounds():
        x = cupy.zeros(4, np.float32)
        pointer = x.data.ptr
        del x
        with pytest.raises(KernelFault, match="out of bounds"):
            ADD_ONE((1,), (4,), (np.uint64(pointer), np.int32(4)))


def test_a_copy_past_the_end_is_found(gpu_device):
    with gpu_device.exact_bounds():
        x = cupy.zeros(4, np.float32)
        host = np.zeros(8, np.float32)
        with pytest.raises(DeviceMemoryError, match="32 bytes"):
            cupy.cuda.runtime.memcpy(host.ctypes.data, x.data.ptr, 32, 2)


def test_launches_that_a_gpu_refuses():
    x = cupy.zeros(4, np.float32)
    with pytest.raises(LaunchError):
        ADD_ONE((1,), (1025,), (x, np.int32(4)))
    reverse = cupy.RawKernel(REVERSE % "__syncthreads();", "reverse")
    with pytest.raises(LaunchError, match="must be allowed first"):
        reverse((1,), (4,), (x,), shared_mem=64 * 1024)
    reverse.max_dynamic_shared_size_bytes = 64 * 1024
    reverse((1,), (4,), (x,), shared_mem=64 * 1024)


def test_errors_of_the_double_arrive_through_cupys_c_code():
    prints = 'extern "C" __global__ void prints() { printf("%d", threadIdx.x); }'
    with pytest.raises(UnsupportedPTXError, match=r"PTX line \d+: call.* vprintf"):
        cupy.RawKernel(prints, "prints")((1,), (1,), ())
    module = cupy.RawModule(code='extern "C" __global__ void here() {}')
    with pytest.raises(GpuOnCpuError, match="no kernel 'elsewhere'"):
        module.get_function("elsewhere")
    with pytest.raises(GpuOnCpuError, match="no variable 'nothing'"):
        module.get_global("nothing")
    with pytest.raises(ValueError, match="device 1 does not exist"):
        cupy.cuda.Device(1).use()
    with pytest.raises(NotImplementedError, match="attribute 99"):
        cupy.cuda.runtime.deviceGetAttribute(99, 0)


def test_a_constant_that_the_host_sets():
    module = cupy.RawModule(
        code="""
        __constant__ float factor[2];
        extern "C" __global__ void scale(float *x) { x[threadIdx.x] *= factor[1]; }
        """
    )
    pointer = module.get_global("factor")
    factor = cupy.ndarray((2,), np.float32, pointer)
    factor[...] = cupy.asarray(np.float32([0, 3]))
    x = cupy.ones(4, np.float32)
    module.get_function("scale")((1,), (4,), (x,))
    assert (x.get() == 3).all()


def test_what_a_program_asked_of_the_device_is_counted(gpu_device):
    x = np.ones((4, 4), np.float32)
    gpu_device.reset_counters()
    on_device = cupy.asarray(x)
    y = on_device @ on_device + 1
    y.get()
    cupy.cuda.get_current_stream().synchronize()
    counters = gpu_device.counters
    assert counters.host_to_device == 1
    assert counters.device_to_host == 1
    assert counters.synchronisations == 2  # one of them waits for the copy back
    assert sum(counters.launches.values()) == 1
    assert sum(counters.library_calls.values()) == 1
    gpu_device.reset_counters()
    assert counters.launches == {}
    assert counters.host_to_device == 0


def test_streams_and_events():
    stream = cupy.cuda.Stream(non_blocking=True)
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    with stream:
        start.record()
        x = cupy.arange(5) * 2
        end.record()
    stream.wait_event(end)
    stream.synchronize()
    assert stream.done
    assert cupy.cuda.get_elapsed_time(start, end) >= 0
    np.testing.assert_array_equal(x.get(), np.arange(5) * 2)


def test_the_memory_pool_reuses_what_is_given_back(gpu_device):
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    at_first = pool.total_bytes()
    x = cupy.zeros(3000)
    before = gpu_device.counters.allocations
    assert pool.used_bytes() >= x.nbytes
    pointer = x.data.ptr
    del x
    x = cupy.zeros(3000)
    assert (x.data.ptr, gpu_device.counters.allocations) == (pointer, before)
    del x
    pool.free_all_blocks()
    assert pool.total_bytes() == at_first


def test_memory_is_finite():
    free, total = cupy.cuda.runtime.memGetInfo()
    assert 0 < free <= total
    with pytest.raises(MemoryError):
        cupy.empty(total + 1, np.uint8)


def test_what_the_device_is_called():
    assert cupy.cuda.runtime.getDeviceCount() == 1
    assert cupy.cuda.runtime.getDeviceProperties(0)["name"] == b"gpu_on_cpu"
    assert cupy.cuda.Device(0).compute_capability == "90"
    assert cupy.cuda.runtime.driverGetVersion() >= 12000


def test_copies_of_memory_that_is_not_pinned_are_counted(gpu_device):
    x, host = cupy.zeros(4), np.ones(4)
    x.data.copy_from_host(host.ctypes.data, host.nbytes)
    assert (gpu_device.counters.host_to_device, gpu_device.counters.pageable) == (1, 1)
    memory = cupy.cuda.alloc_pinned_memory(host.nbytes)
    x.data.copy_to_host_async(memory.ptr, host.nbytes, cupy.cuda.Stream.null)
    assert (gpu_device.counters.device_to_host, gpu_device.counters.pageable) == (1, 1)


def test_what_may_not_be_recorded_in_a_graph_is_refused(gpu_device):
    x, host = cupy.zeros(4), np.ones(4)
    stream = cupy.cuda.Stream(non_blocking=True)
    for forbidden in (
        lambda: cupy.cuda.MemoryPool().malloc(8),
        stream.synchronize,
        cupy.cuda.Device().synchronize,
        lambda: cupy.cuda.runtime.memcpy(x.data.ptr, host.ctypes.data, 32, 1),
    ):
        with gpu_device.capturing(), pytest.raises(CaptureError, match="records a graph"):
            forbidden()
        forbidden()
    for _ in range(2):  # the second time, memory is in the pool
        y = cupy.zeros(4, np.float32)
        del y
    with gpu_device.capturing():
        ADD_ONE((1,), (4,), (cupy.zeros(4, np.float32), np.int32(4)))


TWO_DEVICES = """
import cupy
from gpu_on_cpu import KernelFault

assert cupy.cuda.runtime.getDeviceCount() == 2
x = cupy.arange(4.0)
with cupy.cuda.Device(1):
    y = cupy.arange(4.0)
    assert (x.device.id, y.device.id) == (0, 1)
    kernel = cupy.RawKernel('extern "C" __global__ void put(double *x) { x[0] = 7; }', "put")
    kernel((1,), (1,), (y,))
    try:
        kernel((1,), (1,), (x.data.ptr,))
    except KernelFault as error:
        assert "out of bounds" in str(error)
    else:
        raise AssertionError("a kernel wrote to the memory of another device")
assert y[0].get() == 7 and x[0].get() == 0
"""


def test_two_devices_have_memory_of_their_own(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(TWO_DEVICES)
    done = subprocess.run(
        [sys.executable, "-m", "gpu_on_cpu", str(path)],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[3] / "ci"),
            "GPU_ON_CPU_DEVICE_COUNT": "2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
