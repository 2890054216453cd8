"""The closed list of losses: one file each, and how their elements become one number.

Some overflow on the way to a right result, or compute a NaN that is not taken: call them under
``numpy.errstate(all="ignore")``.
"""

from collections.abc import Mapping

from .absolute_error import ABSOLUTE_ERROR
from .binary_cross_entropy import BINARY_CROSS_ENTROPY
from .cross_entropy import CROSS_ENTROPY
from .function import LossFunction
from .huber import HUBER
from .nll import NLL
from .poisson import POISSON
from .squared_error import SQUARED_ERROR

LOSSES: Mapping[str, LossFunction] = {
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "nll": NLL,
    "mse": SQUARED_ERROR,
    "mae": ABSOLUTE_ERROR,
    "huber": HUBER,
    "poisson": POISSON,
}
"""Each loss by the name that a user gives and a saved network holds."""

__all__ = ["LOSSES", "LossFunction"]
