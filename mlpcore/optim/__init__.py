"""Optimizers: what is done with a gradient, one operation on the flat vector of all parameters."""

from .adam import Adam
from .base import Optimizer
from .sgd import SGD
from .table import OptimizerSpec, names, optimizer

__all__ = ["SGD", "Adam", "Optimizer", "OptimizerSpec", "names", "optimizer"]
