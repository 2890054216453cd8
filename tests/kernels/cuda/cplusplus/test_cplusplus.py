"""Python formulas written in C++."""

from math import exp, hypot

import pytest

from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.cuda.cplusplus.translation import Subroutines, literal

HALF = 0.5


def _square(z: float) -> float:
    return z * z


def _formula(z: float, slope: float) -> float:
    """A docstring, which is left out."""
    e = exp(-abs(z))
    high, low = HALF * e, _square(z)
    if z > 0.0 or z < -3.0:
        z = high
    else:
        return slope / low
    return z if z >= low else high


def test_a_formula_is_written_after_what_it_calls():
    subroutines = Subroutines()
    assert subroutines.name_of(_formula) == "test_cplusplus_formula"
    assert (
        subroutines.text
        == """\
__device__ __forceinline__ real test_cplusplus_square(real z) {
    return (z * z);
}

__device__ __forceinline__ real test_cplusplus_formula(real z, real slope) {
    real e = exp((-fabs(z)));
    real high = (real(0x1.0000000000000p-1) * e);
    real low = test_cplusplus_square(z);
    if (((z > real(0x0.0p+0)) || (z < (-real(0x1.8000000000000p+1))))) {
        z = high;
    } else {
        return (slope / low);
    }
    return ((z >= low) ? z : high);
}

"""
    )


def test_a_function_is_written_once():
    subroutines = Subroutines()
    for formula in FORMULAS.values():
        subroutines.name_of(formula.value)
    text = subroutines.text
    for formula in FORMULAS.values():
        subroutines.name_of(formula.value)
    assert subroutines.text == text
    heads = [line for line in text.splitlines() if line.endswith("{") and "__device__" in line]
    assert len(heads) == len(set(heads)) > len(FORMULAS)


def test_literals_are_exact():
    for number in (0.1, -2.5e-300, 1e30):
        assert float.fromhex(literal(number).removeprefix("real(").removesuffix(")")) == number


def _loops(z: float) -> float:
    while z > 1.0:
        z = z / 2.0
    return z


def _calls_what_is_unknown(z: float) -> float:
    return hypot(z, 1.0)


def _swaps(z: float, y: float) -> float:
    z, y = y, z
    return z


@pytest.mark.parametrize("formula", [_loops, _calls_what_is_unknown, _swaps])
def test_what_cannot_be_written_is_refused(formula):
    with pytest.raises(TypeError, match="in C\\+\\+"):
        Subroutines().name_of(formula)
