"""Averages of the parameters that training goes through: exponential, and SWA."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from mlpcore.checks import real_number, whole_number


@dataclass(frozen=True)
class Average(ABC):
    """Which average of the parameters a trainer keeps; made by `ema` or `swa`."""

    @abstractmethod
    def share(self, step: int, taken: int) -> float | None:
        """Return how far the average goes towards the parameters after a step, or None: not at all.

        Parameters
        ----------
        step : int
            How many updates there were, this one included.
        taken : int
            How many of them the average has taken in already.

        Returns
        -------
        float or None
            c of avg ← avg + c (p - avg); at 1 the average becomes the parameters.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Return the average as plain values for JSON."""


@dataclass(frozen=True, repr=False)
class _Exponential(Average):
    """See `ema`."""

    decay: float

    def __repr__(self) -> str:
        return f"ema({self.decay})"

    def share(self, step: int, taken: int) -> float | None:  # noqa: ARG002
        """Return 1 - decay, and 1 at first."""
        return 1.0 - self.decay if taken else 1.0

    def config(self) -> dict[str, Any]:
        """Return the average as plain values."""
        return {"kind": "ema", "decay": self.decay}


@dataclass(frozen=True, repr=False)
class _Stochastic(Average):
    """See `swa`."""

    start: int
    every: int

    def __repr__(self) -> str:
        return f"swa(start={self.start}, every={self.every})"

    def share(self, step: int, taken: int) -> float | None:
        """Return 1 / (taken + 1) in the steps that count."""
        counts = step >= self.start and (step - self.start) % self.every == 0
        return 1.0 / (taken + 1) if counts else None

    def config(self) -> dict[str, Any]:
        """Return the average as plain values."""
        return {"kind": "swa", "start": self.start, "every": self.every}


def ema(decay: float = 0.999) -> Average:
    r"""Return the exponential moving average of the parameters, taken after every update.

    .. math:: \bar p_1 = p_1, \qquad \bar p_n = d\, \bar p_{n-1} + (1 - d)\, p_n

    Parameters
    ----------
    decay : float, default 0.999
        d, the share of the average that stays, in [0, 1).

    Returns
    -------
    Average
        For `average=` of `MLP.trainer` and `MLP.fit`.

    Raises
    ------
    TypeError, ValueError
        If `decay` is no number, or out of range.
    """
    decay = real_number(decay, "decay")
    if not 0 <= decay < 1:
        raise ValueError(f"decay must be at least 0 and below 1, got {decay}")
    return _Exponential(decay)


def swa(*, start: int, every: int = 1) -> Average:
    r"""Return stochastic weight averaging (arXiv:1803.05407): the mean of parameters on the way.

    .. math::
        \bar p_n = \bar p_{n-1} + (p_{s_n} - \bar p_{n-1}) / n, \qquad s_n = start + (n - 1) every

    Parameters
    ----------
    start : int
        The first update, counted from 1, after which the parameters count.
    every : int, default 1
        How many updates lie between those that count: for a cyclic rate, the length of its cycle.

    Returns
    -------
    Average
        For `average=` of `MLP.trainer` and `MLP.fit`.

    Raises
    ------
    TypeError, ValueError
        If a number is none, or below 1.
    """
    return _Stochastic(whole_number(start, "start", 1), whole_number(every, "every", 1))
