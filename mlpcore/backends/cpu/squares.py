"""The sum of the squares of a weight, for the penalty of an objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.compiled import compiled

if TYPE_CHECKING:
    from mlpcore.backends.cpu.library import Library

_UNIT = "squares"


def sum_of_squares(x: Any) -> Any:
    """Return Σ x² of a C-contiguous array, shape (), with a kernel where there is one."""
    library = compiled(x.dtype, _UNIT)
    return np.sum(x * x) if library is None else SquaresKernel(library)(x)


class SquaresKernel:
    """Sums squares; NumPy would write them to memory first, which takes longer than to sum them.

    Parameters
    ----------
    library : Library
        The kernels of the dtype.
    """

    def __init__(self, library: Library) -> None:
        self._sum = library.kernels(_UNIT).function(_UNIT, holds_gil=True)

    def __call__(self, x: Any) -> Any:
        """Return Σ x² of a C-contiguous array, shape ()."""
        return x.dtype.type(self._sum(data_address(x), x.size))
