"""Every float32 through every vector function of the CPU's kernels, against double precision.

    python ci/exhaustive_math.py [FUNCTION ...]

Prints the largest error of each and where it is.  The exit status is 1 if one is above its bound,
or if an instruction set gives other bits than the widest.  Some minutes a function.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.ulp import ulps
from support.vector_functions import FUNCTIONS, evaluated
from support.written_kernels import ISAS

CHUNK = 2**18  # a few arrays of this size stay in the cache


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two results have the same bits, but for the signs of NaN."""
    bits = one.view(np.uint32) == other.view(np.uint32)
    return bool(np.all(bits | (np.isnan(one) & np.isnan(other))))


def holds(name: str) -> bool:
    """Return whether the function `name` is as accurate as it says for every float32."""
    function, worst, where, equal = FUNCTIONS[name], 0.0, np.float32(0), True
    for start in range(0, 2**32, CHUNK):
        x = np.arange(start, start + CHUNK, dtype=np.uint32).view(np.float32)
        x = function.within(x[~np.isnan(x)])
        if not x.size:
            continue
        result = evaluated(name, x, ISAS[0])
        with np.errstate(all="ignore"):
            errors = ulps(result, function.exact(x.astype(np.float64)))
        at = int(np.argmax(errors))
        if errors[at] > worst:
            worst, where = float(errors[at]), x[at]
        equal &= all(same_bits(result, evaluated(name, x, isa)) for isa in ISAS[1:])
    bits = "the same bits" if equal else "OTHER BITS"
    print(
        f"{name:20} {worst:.3f} ulp at {where!r}, at most {function.float32}; "
        f"{bits} on {', '.join(isa.name for isa in ISAS)}",
        flush=True,
    )
    return equal and worst <= function.float32


if __name__ == "__main__":
    results = [holds(name) for name in sys.argv[1:] or FUNCTIONS]
    sys.exit(0 if all(results) else 1)
