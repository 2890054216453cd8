"""The sum of the squares of a weight, for the penalty of an objective."""

from typing import Any

import numpy as np

from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.compiled import compiled

_UNIT = "squares"


def sum_of_squares(x: Any) -> Any:
    """Return Σ x² of a C-contiguous array, shape (), with a kernel where there is one.

    NumPy would write the squares to memory first, which takes longer than to sum them.
    """
    library = compiled(x.dtype, _UNIT)
    if library is None:
        return np.sum(x * x)
    return x.dtype.type(library.kernels(_UNIT).function(_UNIT)(data_address(x), x.size))
