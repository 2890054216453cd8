"""Kernels written with numba-cuda run on the same device."""

import math

import cupy
import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")


@pytest.fixture(autouse=True)
def _numba(gpu_device):
    from gpu_on_cpu.numba_double import install_numba

    install_numba(gpu_device)


def test_a_softmax_by_warp_shuffles(gpu_device):
    from numba import cuda, float32

    @cuda.jit
    def softmax(z, p):
        row, lane, n = cuda.blockIdx.x, cuda.threadIdx.x, z.shape[1]
        largest = float32(-np.inf)
        for j in range(lane, n, 32):
            largest = max(largest, z[row, j])
        for step in (16, 8, 4, 2, 1):
            largest = max(largest, cuda.shfl_xor_sync(0xFFFFFFFF, largest, step))
        total = float32(0)
        for j in range(lane, n, 32):
            total += math.exp(z[row, j] - largest)
        for step in (16, 8, 4, 2, 1):
            total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        for j in range(lane, n, 32):
            p[row, j] = math.exp(z[row, j] - largest) / total

    z = np.random.default_rng(3).standard_normal((5, 40)).astype(np.float32)
    p = cupy.empty_like(cupy.asarray(z))
    softmax[5, 32](cupy.asarray(z), p)
    expected = np.exp(z.astype(np.float64))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p.get(), expected, rtol=1e-5)
    assert gpu_device.counters.launches["softmax"] == 1


def test_a_host_array_is_refused():
    from gpu_on_cpu import LaunchError
    from numba import cuda

    @cuda.jit
    def nothing(x):
        x[0] = 1

    with pytest.raises(LaunchError, match="copy it to the device"):
        nothing[1, 1](np.zeros(1))
