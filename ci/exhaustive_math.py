"""Every float32 through every vector function and activation of the CPU's kernels.

    python -m pip install -e '.[dev]'
    python ci/exhaustive_math.py [NAME ...]

Prints a table of the largest error of each against double precision, and where it is.  The exit
status is 1 if one is above its bound, or if an instruction set gives other bits than the widest.
About a minute a function.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import activation_kernels
from support.ulp import ulps
from support.vector_functions import FUNCTIONS, ROOT_TAU, evaluated
from support.written_kernels import ISAS

from mlpcore.kernels.reference.activations import ACTIVATIONS

CHUNK = 2**15  # a few arrays of this size stay in the cache
NAN = 0x7F800001  # the first of the bit patterns that are NaN; with the sign they end the range
SIGN = 0x80000000
BEYOND = 2.0**128  # the number after the largest, if there were one


@dataclass(frozen=True)
class Case:
    """Something that is evaluated, what it should be, and how far off it may be.

    An error is in units of the last place of the exact value but of `least` at least, by default of
    the smallest number; with `of_one` in those of 1.
    """

    run: Callable[..., Any]
    exact: Callable[[Any], Any]
    bound: float
    low: float = -np.inf
    high: float = np.inf
    of_one: bool = False
    least: float = 2.0**-149


def density(x: Any) -> Any:
    """Return φ(x)."""
    return np.exp(-0.5 * x * x) / float(ROOT_TAU)


# What SciPy has is faster than the series of the tests, and as good for float32.
EXACT = {"normal_cdf": ndtr}
# z times a factor that is rounded where it is subnormal, where |z| is up to 104.
ROUNDED_FACTOR = ("silu", "mish", "gelu_tanh")
EXACT_VALUES = {"gelu": lambda z: np.maximum(z, -50.0) * ndtr(z)}
EXACT_SLOPES = {"gelu": lambda z: ndtr(z) + np.clip(z, -50.0, 50.0) * density(z)}


def settings(name: str) -> dict[str, float]:
    """Return the activation's default settings, rounded as the kernel's."""
    return {key: float(np.float32(x)) for key, x in ACTIVATIONS[name].defaults.items()}


def value_of(name: str, z: Any) -> Any:
    """Return the activation's value of the reference."""
    return ACTIVATIONS[name].forward(np, z, **settings(name))


def slope_of(name: str, z: Any) -> Any:
    """Return the activation's derivative of the reference."""
    a = value_of(name, z)
    return ACTIVATIONS[name].backward(np, z, a, np.ones_like(z), **settings(name))


def value_by_kernel(name: str, z: Any, isa: Any) -> Any:
    """Return the activation's value of the kernel."""
    return activation_kernels.forward(name, z, isa, {})


def slope_by_kernel(name: str, z: Any, isa: Any) -> Any:
    """Return the activation's derivative of the kernel."""
    return activation_kernels.backward(name, z, np.ones_like(z), isa, {})


CASES = {
    name: Case(partial(evaluated, name), EXACT.get(name, f.exact), f.float32, f.low, f.high)
    for name, f in FUNCTIONS.items()
}
for activation, (value, slope) in activation_kernels.ACCURACY.items():
    if activation not in FUNCTIONS:
        CASES[f"{activation} (a)"] = Case(
            partial(value_by_kernel, activation),
            EXACT_VALUES.get(activation, partial(value_of, activation)),
            value,
            least=2.0**-142 if activation in ROUNDED_FACTOR else 2.0**-149,
        )
    CASES[f"{activation} (a')"] = Case(
        partial(slope_by_kernel, activation),
        EXACT_SLOPES.get(activation, partial(slope_of, activation)),
        slope,
        of_one=True,
    )


def errors(result: Any, exact: Any, case: Case) -> Any:
    """Return errors in the units of `case`, by `ulps` where they are not finite.

    An infinity is taken for the number that would follow the largest: who overflows too early is as
    far off as that.
    """
    result, exact = (np.clip(y.astype(np.float64), -BEYOND, BEYOND) for y in (result, exact))
    if case.of_one:
        found = np.abs(result - exact) * 2.0**23
    else:
        power = (exact.view(np.int64) & 0x7FF0000000000000).view(np.float64)
        found = np.abs(result - exact) / np.maximum(power * 2.0**-23, case.least)
    if np.isfinite(found.max(initial=0.0)):
        return found
    return ulps(result.astype(np.float32), exact)


def same_bits(one: Any, other: Any) -> bool:
    """Return whether two results have the same bits, but for the signs of NaN."""
    bits = one.view(np.uint32) == other.view(np.uint32)
    return bool(bits.all() or np.all(bits | (np.isnan(one) & np.isnan(other))))


def row(name: str) -> tuple[str, bool]:
    """Return the row of the table for every float32, and whether the case is as it should be."""
    case, worst, where, equal, start = CASES[name], 0.0, np.float32(0), True, time.perf_counter()
    pattern = np.arange(CHUNK, dtype=np.uint32)
    for first in (*range(0, NAN, CHUNK), *range(SIGN, SIGN + NAN, CHUNK)):
        x = (pattern + np.uint32(first)).view(np.float32)
        if first & ~SIGN > NAN - CHUNK:
            x = x[~np.isnan(x)]
        if x[0] < case.low or x[0] > case.high or x[-1] < case.low or x[-1] > case.high:
            x = x[(x >= case.low) & (x <= case.high)]
        if not x.size:
            continue
        result = case.run(x, ISAS[0])
        found = errors(result, case.exact(x.astype(np.float64)), case)
        at = int(np.argmax(found))
        if found[at] > worst:
            worst, where = float(found[at]), x[at]
        equal = equal and all(same_bits(result, case.run(x, isa)) for isa in ISAS[1:])
    bits = "equal" if equal else "NOT EQUAL"
    seconds = time.perf_counter() - start
    text = f"| `{name}` | {worst:.2f} | {case.bound} | {where:.9g} | {bits} | {seconds:.0f} s |"
    return text, equal and worst <= case.bound


if __name__ == "__main__":
    names = ", ".join(isa.name for isa in ISAS)
    print("| what | largest error | bound | at | bits of " + names + " | time |")
    print("|---|---|---|---|---|---|")
    good = True
    np.seterr(all="ignore")
    for wanted in sys.argv[1:] or CASES:
        line, holds = row(wanted)
        print(line, flush=True)
        good = good and holds
    sys.exit(0 if good else 1)
