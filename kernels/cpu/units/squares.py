"""The sum of the squares of a weight."""

from ..optimizers.squares import write_sum_of_squares as write

__all__ = ["write"]
