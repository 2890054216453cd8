"""The bounds hold for what rounds as it may, and not for what rounds more."""

import numpy as np
import pytest

from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.findings import Findings, WrongResultError

RNG = np.random.default_rng(0)


def operands(dtype, k=300):
    return (RNG.standard_normal(shape).astype(dtype) for shape in ((20, k), (k, 30)))


def tf32(x):
    """Return float32 numbers rounded to the 10 bits after the point that TF32 keeps."""
    bits = x.view(np.uint32)
    return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_chain_of_additions_in_either_direction_is_within(dtype, order):
    A, B = operands(dtype)
    chain = np.zeros((20, 30), dtype)
    for k in range(A.shape[1])[::order]:
        chain = chain + np.outer(A[:, k], B[k])
    findings = Findings()
    findings.within("A B", chain, *Bounds(dtype).product(A, B))
    assert 0 < findings.worst < 1


def test_a_single_term_that_is_left_out_is_not():
    A, B = operands("float32")
    with pytest.raises(WrongResultError):
        Findings().within("A B", A[:, 1:] @ B[1:], *Bounds("float32").product(A, B))


def test_a_product_in_tf32_is_not():
    A, B = operands("float32", k=40)
    with pytest.raises(WrongResultError):
        Findings().within("A B", tf32(A) @ tf32(B), *Bounds("float32").product(A, B))


def test_the_tanh_gelu_in_the_place_of_the_one_with_erf_is_not():
    from mlpcore.kernels.reference.activations import ACTIVATIONS

    z = np.linspace(-4, 4, 101)
    gelu, other = ACTIVATIONS["gelu"], ACTIVATIONS["gelu_tanh"]
    a = gelu.forward(np, z)
    bound = Bounds("float32").function(a, z, gelu.derivative(np, z, a))
    Findings().within("a", gelu.forward(np, z.astype(np.float32)), a, bound + 1e-7)
    with pytest.raises(WrongResultError):
        Findings().within("a", other.forward(np, z), a, bound)


def test_gamma_grows_a_little_faster_than_the_roundings():
    bounds = Bounds("float32")
    assert bounds.u == 2.0**-24
    assert bounds.gamma(1000) == pytest.approx(1000 * 2.0**-24, rel=1e-3)
    assert bounds.gamma(1000) > 1000 * 2.0**-24
