"""Schedules: the factor of the base learning rate as a function of the number of the step, from 0.

==============  ============================================================================
`constant`      the same for ever
`step_decay`    times a factor every so many steps
`multi_step`    times a factor at given steps
`exponential`   times a factor in every step
`linear`        along a line, up or down
`polynomial`    down along a power of what is left
`warmup`        up along a line to 1
`cosine`        half a cosine down, with warm-up and restarts
`one_cycle`     up and far down
`joined`        one after the other
`scaled`        the product
==============  ============================================================================
"""

from .combined import joined, scaled
from .falling import constant, exponential, linear, multi_step, polynomial, step_decay
from .schedule import Schedule, from_config
from .waves import cosine, one_cycle, warmup

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "from_config",
    "joined",
    "linear",
    "multi_step",
    "one_cycle",
    "polynomial",
    "scaled",
    "step_decay",
    "warmup",
]
