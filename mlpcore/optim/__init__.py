"""Optimizers: what is done with a gradient, one operation on the flat vector of all parameters.

`mlpcore.optim.schedules` has functions of the step that scale the learning rate, and
`mlpcore.optim.lbfgs` minimises the loss of all rows by SciPy's L-BFGS.
"""

from . import lbfgs, schedules
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam
from .adamw import AdamW
from .base import Optimizer
from .lion import Lion
from .nadam import NAdam
from .radam import RAdam
from .rmsprop import RMSprop
from .sgd import SGD
from .table import OptimizerSpec, names, optimizer

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "OptimizerSpec",
    "RAdam",
    "RMSprop",
    "lbfgs",
    "names",
    "optimizer",
    "schedules",
]
