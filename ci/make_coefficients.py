"""Make kernels/cpu/math/coefficients.py: the approximations that the CPU's kernels evaluate.

    python -m pip install mpmath
    python ci/make_coefficients.py [NAME ...]

With names, only those tables are made, and printed.  All of them take some minutes.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from minimax import fit
from mpmath import mp, mpf

TARGET = Path(__file__).parents[1] / "kernels" / "cpu" / "math" / "coefficients.py"
DTYPES = (np.float32, np.float64)
ROUNDS = (25, 6)  # for float32 and float64; with 53 bits there is less to make up for

SQUARE_STEPS = (22713 / 2**14, 381061692393 / 2**38)  # near 2 ln 2, in 15 and 39 bits

HALF_LN2 = mp.log(2) / 2 * (1 + mpf(2) ** -12)  # the reduced argument may be rounded outwards
QUARTER_TURN = mp.pi / 4 * mpf("1.005")  # so too
TINY = mpf(10) ** -12  # where a quotient that has a limit at 0 can still be computed


@dataclass(frozen=True)
class Approximation:
    """What P/Q approximates: `f` from `low` to `high`, its error multiplied by `weight`."""

    f: Callable[[Any], Any]
    weight: Callable[[Any], Any]
    low: Any
    high: Any
    degrees: tuple[int, int]


def exponential(degree: int) -> Approximation:
    """Return S with e^r = 1 + r + r² S(r), relative to e^r."""
    return Approximation(
        lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / mp.exp(r),
        -HALF_LN2,
        HALF_LN2,
        (degree, 0),
    )


def logarithm(degree: int) -> Approximation:
    """Return T with log(1 + f) = f - f²/2 + f³ T(f), relative to it, √½ <= 1 + f <= √2."""
    return Approximation(
        lambda f: (mp.log1p(f) - f + f * f / 2) / f**3,
        lambda f: abs(f**3 / mp.log1p(f)),
        mp.sqrt(0.5) - 1,
        mp.sqrt(2) - 1,
        (degree, 0),
    )


def logarithm_of_unit(degree: int) -> Approximation:
    """Return log(1 + x) / x, relative, 0 <= x <= 1."""
    return Approximation(
        lambda x: mp.log1p(x) / x, lambda x: x / mp.log1p(x), TINY, mpf(1), (degree, 0)
    )


def sine(degree: int) -> Approximation:
    """Return S with sin r = r + r³ S(r²), relative, |r| a little above π/4."""

    def f(u: Any) -> Any:
        r = mp.sqrt(u)
        return (mp.sin(r) - r) / r**3

    def weight(u: Any) -> Any:
        return u * mp.sqrt(u) / mp.sin(mp.sqrt(u))

    return Approximation(f, weight, TINY, QUARTER_TURN**2, (degree, 0))


def cosine(degree: int) -> Approximation:
    """Return C with cos r = 1 - r²/2 + r⁴ C(r²), relative, |r| a little above π/4."""
    return Approximation(
        lambda u: (mp.cos(mp.sqrt(u)) - 1 + u / 2) / u**2,
        lambda u: u**2 / mp.cos(mp.sqrt(u)),
        TINY,
        QUARTER_TURN**2,
        (degree, 0),
    )


def tail(degrees: tuple[int, int], largest: str, step: float) -> Approximation:
    """Return Φ(-x) 2^(x² / step), relative to it times 1 + x²/36, 0 <= x <= largest.

    Changing x by half a unit in its last place changes Φ(-x) by up to x² of them, so that the error
    is better spent where x is large.
    """

    def f(x: Any) -> Any:
        return mp.erfc(x / mp.sqrt(2)) * mpf(2) ** (x * x / step) / 2

    def weight(x: Any) -> Any:
        return 1 / f(x) / (1 + x * x / 36)

    return Approximation(f, weight, mpf(0), mpf(largest), degrees)


def power_of_two(degree: int, step: float) -> Approximation:
    """Return 2^(r / step), relative, |r| <= step / 2, a little above."""
    end = abs(mpf(step)) / 2 * (1 + mpf(2) ** -12)
    return Approximation(
        lambda r: mpf(2) ** (r / step), lambda r: mpf(2) ** (-r / step), -end, end, (degree, 0)
    )


APPROXIMATIONS = {
    "EXP": (exponential(4), exponential(9)),
    "EXP2": (power_of_two(6, 1.0), power_of_two(11, 1.0)),
    "SQUARE_EXP2": (power_of_two(6, -SQUARE_STEPS[0]), power_of_two(11, -SQUARE_STEPS[1])),
    "LOG": (logarithm(7), logarithm(19)),
    "LOG1P_UNIT": (logarithm_of_unit(9), logarithm_of_unit(21)),
    "SIN": (sine(2), sine(5)),
    "COS": (cosine(2), cosine(5)),
    "TAIL": (tail((5, 5), "14.4", SQUARE_STEPS[0]), tail((10, 11), "38.7", SQUARE_STEPS[1])),
}
HEADER = f'''"""Coefficients made by ci/make_coefficients.py, the lowest power first; do not edit.

SQUARE_EXP2 is of 2^(-r / SQUARE_STEP).  TAIL is a quotient: P, then Q.
"""

SQUARE_STEP = {{"float32": {SQUARE_STEPS[0]!r}, "float64": {SQUARE_STEPS[1]!r}}}
'''


def lines(coefficients: list[Any], indent: int) -> str:
    """Return a line for each coefficient, in the shortest digits that are read back exactly."""
    return "".join(f"{' ' * indent}{float(x)!r},\n" for x in coefficients)


def made(name: str) -> str:
    """Return the table `name` as Python, with the largest error of each dtype."""
    text, errors = "", []
    for dtype, rounds, a in zip(DTYPES, ROUNDS, APPROXIMATIONS[name], strict=True):
        p, q, error = fit(a.f, a.weight, a.low, a.high, a.degrees, dtype, rounds)
        errors.append(f"2^{np.log2(error):.1f}")
        if len(q) > 1:
            numbers = "".join(f"        (\n{lines(part, 12)}        ),\n" for part in (p, q))
        else:
            numbers = lines(p, 8)
        text += f'    "{np.dtype(dtype).name}": (\n{numbers}    ),\n'
        print(name, np.dtype(dtype).name, errors[-1], file=sys.stderr, flush=True)
    return f"\n# Error {errors[0]} and {errors[1]}.\n{name} = {{\n{text}}}\n"


if __name__ == "__main__":
    tables = "".join(made(name) for name in sys.argv[1:] or APPROXIMATIONS)
    if sys.argv[1:]:
        print(tables)
    else:
        TARGET.write_text(HEADER + tables)
