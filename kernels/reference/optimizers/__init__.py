"""One step of each optimizer, in place on flat vectors: one file each.

Numbers that change from step to step are computed as Python floats, so that a step on a GPU is
queued without waiting for anything.

A large gradient overflows on the way to a step that is still right, or to infinity: call them under
``numpy.errstate(all="ignore")``, lest NumPy warn, or raise in the middle of a step.
"""

from .adadelta import adadelta
from .adagrad import adagrad
from .adam import adam
from .adamw import adamw
from .lion import lion
from .nadam import nadam
from .radam import radam
from .rmsprop import rmsprop
from .sgd import sgd, sgd_momentum

__all__ = [
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "lion",
    "nadam",
    "radam",
    "rmsprop",
    "sgd",
    "sgd_momentum",
]
