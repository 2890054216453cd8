"""The closed list of losses as kernels on panels of logits, and the sum of a batch's losses.

Each kernel is called as `panel.loss_kernel` says; what its settings hold is said beside it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .absolute_error import write_absolute_error
from .binary_cross_entropy import write_binary_cross_entropy
from .cross_entropy import write_cross_entropy
from .huber import write_huber
from .nll import write_nll
from .poisson import write_poisson
from .soft_cross_entropy import write_distribution_cross_entropy, write_smooth_cross_entropy
from .squared_error import write_squared_error
from .total import write_sum_blocks

LOSSES: Mapping[str, Callable[[Any], None]] = {
    "cross_entropy": write_cross_entropy,
    "cross_entropy_smooth": write_smooth_cross_entropy,
    "cross_entropy_distributions": write_distribution_cross_entropy,
    "nll": write_nll,
    "binary_cross_entropy": write_binary_cross_entropy,
    "mse": write_squared_error,
    "mae": write_absolute_error,
    "huber": write_huber,
    "poisson": write_poisson,
}
"""What writes the kernel of each name into a module."""

__all__ = ["LOSSES", "write_sum_blocks"]
