"""What an optimizer remembers, kept away from subnormal numbers.

A running mean of gradients that have become zero shrinks by a factor in each step.  Without end it
would not reach zero: the smallest subnormal number, times 0.9, rounds to itself.  There it moves no
parameter, and costs a hundred times as much as another number on processors that compute with
subnormal ones in microcode.
"""

from ..typing import Array

SMALLEST_NORMAL = {4: 2.0**-126, 8: 2.0**-1022}
"""By the bytes of a number; IEEE 754-2008, table 3.5."""


def forget(memory: Array) -> None:
    """Set to zero, in place, what is smaller than every normal number of its dtype."""
    # The name is all that the dtypes of different namespaces have in common.
    size = 8 if str(memory.dtype).endswith("float64") else 4
    memory[abs(memory) < SMALLEST_NORMAL[size]] = 0.0  # NaN stays
