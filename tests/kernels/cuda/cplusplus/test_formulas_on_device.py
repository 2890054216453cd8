"""Activations as CUDA C++ against the reference in more digits."""

import cupy
import numpy as np
import pytest

from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.cuda.cplusplus.module import compiled
from mlpcore.kernels.cuda.cplusplus.translation import Subroutines
from mlpcore.kernels.reference.activations import ACTIVATIONS

NAMES = tuple(FORMULAS)
OTHER = {"slope": 0.25, "alpha": 2.5, "omega": 30.0}


def settings_of(name):
    return {key: OTHER[key] for key in ACTIVATIONS[name].defaults}


@pytest.fixture(scope="module", params=["float32", "float64"])
def results(request):
    """z, and every activation's a by name."""
    dtype = np.dtype(request.param)
    subroutines = Subroutines()
    lines = []
    for number, name in enumerate(NAMES):
        arguments = ["v", *(f"real({value})" for value in settings_of(name).values())]
        call = f"{subroutines.name_of(FORMULAS[name].value)}({', '.join(arguments)})"
        lines.append(f"a[{number} * n + i] = {call};")
    source = (
        f"typedef {'float' if dtype == np.float32 else 'double'} real;\n{subroutines.text}"
        'extern "C" __global__ void all(const real* z, real* a, int n) {\n'
        "int i = blockIdx.x * blockDim.x + threadIdx.x; if (i >= n) return; real v = z[i];\n"
        + "\n".join(lines)
        + "}\n"
    )
    z = samples(dtype)
    a = cupy.empty((len(NAMES), z.size), dtype)
    blocks = -(-z.size // 128)
    compiled(source, "all")((blocks,), (128,), (cupy.asarray(z), a, np.int32(z.size)))
    return z, dict(zip(NAMES, a.get(), strict=True))


def samples(dtype):
    """Numbers of usual size, of all sizes, and the special ones."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    sizes = np.exp2(np.linspace(info.minexp - 3, info.maxexp - 1e-3, 210))
    special = [0.0, -0.0, 3.0, -3.0, np.inf, -np.inf, np.nan, info.max, -info.max, 1.0, -1.0]
    parts = [rng.normal(scale=s, size=200) for s in (0.1, 1.0, 4.0, 30.0)]
    return np.concatenate([*parts, sizes, -sizes, special]).astype(dtype)


@pytest.mark.parametrize("name", NAMES)
def test_every_activation_is_that_of_the_reference(results, name):
    z, a = results[0], results[1][name]
    info = np.finfo(z.dtype)
    atol = 400 * float(info.smallest_subnormal)  # a subnormal factor, rounded, times z up to 750
    if name == "sin":  # Rounding ω z turns the sine by |ω z| half-units.
        ordinary = ~(np.abs(z) >= 1e3)
        z, a = z[ordinary], a[ordinary]
        atol = OTHER["omega"] * 1e3 * info.eps
    wide = z.astype(np.float64 if z.dtype == np.float32 else np.longdouble)
    with np.errstate(all="ignore"):
        exact = ACTIVATIONS[name].forward(np, wide, **settings_of(name))
    # gelu_tanh's angle v is rounded, which the exponential makes |v| units in the lower tail.
    rtol = {"gelu_tanh": 250 if z.dtype == np.float32 else 1500}.get(name, 15) * info.eps
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(a, exact.astype(z.dtype), rtol=rtol, atol=atol)
