"""What an optimizer is: frozen settings, and one step on flat vectors."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, ClassVar

from mlpcore.kernels.reference.typing import Array, Namespace

SMALLEST_EPS = 2.0**-126
"""The smallest normal float32: less becomes 0, and 0 / 0 where a gradient is always zero."""


@dataclass(frozen=True)
class Optimizer(ABC):
    """The settings of an optimizer; what it remembers lives with the one who trains.

    A new optimizer is one file: a frozen dataclass with `kind`, `state_names` and `update`.  Each
    element of p is stepped by itself, so that a vector may be stepped in parts.

    Attributes
    ----------
    lr : float
        The learning rate.
    """

    kind: ClassVar[str]
    """The name under which a checkpoint refers to the class."""

    lr: float

    def __post_init__(self) -> None:
        number(self, "lr")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be positive and finite, got {self.lr}")

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of the vectors that `update` needs besides p and g, each zero before step 1."""
        return ()

    @property
    def exempt(self) -> "Optimizer":
        """What steps the parameters that do not decay: biases, and those of normalisation.

        The optimizer itself, unless it has a weight decay of its own; then the same without it.
        """
        return self

    @abstractmethod
    def update(
        self,
        xp: Namespace,
        p: Array,
        g: Array,
        state: Mapping[str, Array],
        step: int,
        lr: float | None = None,
    ) -> None:
        """Take one step, in place, without floating-point warnings.

        A gradient may be of any size.  Where NumPy is set to raise, an overflow must not end the
        step half-way, with the state changed and the parameters not: hence ``numpy.errstate``
        around the optimizers of the library.

        Parameters
        ----------
        xp : Namespace
            The namespace of the arrays.
        p : Array, shape (n,)
            The parameters, which are written.
        g : Array, shape (n,)
            The gradient, which is only read.
        state : mapping of str to Array
            The vectors that `state_names` lists, each like `p`, which are written.
        step : int
            The number of the step, from 1.
        lr : float, optional
            The learning rate of this step, from a schedule; by default the optimizer's own.
        """

    def config(self) -> dict[str, Any]:
        """Return the optimizer as plain values for JSON.

        ``optimizer(config.pop("kind"), **config)`` makes it again.
        """
        return {"kind": self.kind} | asdict(self)


def number(of: Optimizer, name: str) -> None:
    """Make setting `name` of optimizer `of` a Python float, or raise TypeError.

    A NumPy scalar would widen float32 arrays that it meets, and cannot be written as JSON.
    """
    value = getattr(of, name)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} of {of.kind!r} must be a number, got {value!r}")
    object.__setattr__(of, name, float(value))


def at_least(of: Optimizer, name: str, least: float) -> None:
    """Make setting `name` of optimizer `of` a finite float that is not below `least`, or raise."""
    number(of, name)
    value = getattr(of, name)
    if not least <= value < math.inf:
        shown = "2**-126" if least == SMALLEST_EPS else f"{least:g}"
        raise ValueError(f"{name} must be finite and at least {shown}, got {value}")


def counted(step: int) -> int:
    """Return the number of a step, or raise if it is not one."""
    if step < 1:
        raise ValueError(f"steps are counted from 1, got {step}")
    return step


def fraction(of: Optimizer, name: str) -> None:
    """Make setting `name` of optimizer `of` a float in [0, 1), or raise."""
    number(of, name)
    value = getattr(of, name)
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {value}")
