"""The closed list of optimizers as vector instructions, and a kernel that steps a flat vector.

What each number of the settings is, in the kernel's dtype, for step t from 1, stands in each rule's
``slots``; slot 0 is the same for all: the λ of an L2 penalty λ/2 ΣW², whose gradient λW is added to
g, or 0.

A rule that is ``decoupled`` has its decay in the last slot.  Whoever steps biases or parameters of
normalisation writes 0 into both.
"""

from collections.abc import Mapping

from .adadelta import ADADELTA
from .adagrad import ADAGRAD
from .adam import ADAM
from .adamw import ADAMW
from .lion import LION
from .nadam import NADAM
from .radam import RADAM
from .rmsprop import RMSPROP, RMSPROP_CENTERED, RMSPROP_MOMENTUM
from .rule import UpdateRule
from .sgd import SGD, SGD_MOMENTUM, SGD_NESTEROV
from .sweep import write_sweep

RULES: Mapping[str, UpdateRule] = {
    rule.name: rule
    for rule in (
        SGD,
        SGD_MOMENTUM,
        SGD_NESTEROV,
        ADAM,
        ADAMW,
        NADAM,
        RADAM,
        RMSPROP,
        RMSPROP_MOMENTUM,
        RMSPROP_CENTERED,
        ADAGRAD,
        ADADELTA,
        LION,
    )
}
"""Each rule by its name, which is also that of its kernel."""

__all__ = ["RULES", "UpdateRule", "write_sweep"]
