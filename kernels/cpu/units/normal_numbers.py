"""Normal numbers out of random words, in float64."""

from ..layers.normal_numbers import write_normal_numbers as write

__all__ = ["write"]
