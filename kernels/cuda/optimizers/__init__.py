"""Optimizers: the step of a whole flat vector in one launch."""

from .rules import RULES
from .steps import adam, sgd, sgd_momentum

__all__ = ["RULES", "adam", "sgd", "sgd_momentum"]
