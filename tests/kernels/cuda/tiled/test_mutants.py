"""Kernels with a bug each: the executor finds it, or the numbers are wrong."""

import cupy
import numpy as np
import pytest

from mlpcore.kernels.cuda.cplusplus import text
from mlpcore.kernels.cuda.tiled import products, source
from mlpcore.kernels.cuda.tiled.source import Product

ROWS, INPUTS, OUTPUTS = 19, 70, 18
BARRIERS = ["the first panels are whole", "the next panels are whole, and these have been read"]
SHIFTS = {
    "row * STEP + term, held[i]": "row * STEP + term + PER_VECTOR, held[i]",
    "(row + t) * STEP + term": "row * STEP + term + t",
    "rows_of_a[now ^ 1]": "rows_of_a[now]",
    "b.fetch(B, first_n, N, k + PANEL, K)": "b.fetch(B, first_n, N, k, K)",
    "r < rows && t < terms": "r <= rows && t < terms",
    "if (m >= M) continue;": "if (m > M) continue;",
    "(int)(K - k)": "(int)(K - k - 1)",
    "is_first ? acc[i][j] : total[i][j] + acc[i][j]": "acc[i][j]",
}


@pytest.fixture
def run(double, monkeypatch):
    """Run x Wᵀ and dzᵀ x, changing a line of the text; say whether the results are right."""

    def run(line="", replacement="", order="forward"):
        rng = np.random.default_rng(0)
        read = text.text_of
        whole = read(source.__package__, "tiled.cu")
        assert line in whole
        changed = whole.replace(line, replacement) if line else whole
        monkeypatch.setattr(
            text,
            "text_of",
            lambda package, name: changed if name == "tiled.cu" else read(package, name),
        )
        for product, shape in (
            (Product.AFFINE, (ROWS, OUTPUTS, INPUTS)),
            (Product.WEIGHT_GRADIENT, (OUTPUTS, INPUTS, 3 * ROWS + 90)),
        ):
            M, N, K = shape
            A, B = rng.normal(size=(M, K)), rng.normal(size=(N, K))
            expected = A @ B.T
            if product is Product.WEIGHT_GRADIENT:
                A, B = A.T, B.T
            a, b = (np.ascontiguousarray(v, np.float32) for v in (A, B))
            variant = product, a.dtype, "identity", False, product.block < K, (False, False)
            with double.exact_bounds(), double.order(order):
                out = cupy.empty((M, N), np.float32)
                blocks = products._blocks(a.itemsize, False, M, N)
                function = products._function.__wrapped__(0, *variant)
                arguments = (cupy.asarray(a), cupy.asarray(b), np.uint64(0), out, np.uint64(0))
                sizes = (*map(np.int64, shape), np.float32(0))
                function(blocks, (source.THREADS,), arguments + sizes)
                if not np.allclose(out.get(), expected, rtol=1e-4, atol=1e-4):
                    return False
        return True

    return run


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_the_kernel_itself_is_right(run, order):
    assert run(order=order)


@pytest.mark.parametrize("name", BARRIERS)
def test_a_dropped_barrier_is_found(run, name):
    from gpu_on_cpu import KernelFault

    with pytest.raises(KernelFault, match=r"race|uninitialised"):
        run(f"__syncthreads();  // {name}", ";")


@pytest.mark.parametrize("line", SHIFTS)
def test_a_shifted_index_is_found(run, line):
    from gpu_on_cpu import KernelFault

    try:
        right = run(line, SHIFTS[line])
    except KernelFault:
        right = False
    assert not right
