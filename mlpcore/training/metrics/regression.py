"""How far predictions are from their targets."""

from dataclasses import dataclass
from typing import Any

from mlpcore.training.metrics.metric import Metric, Place
from mlpcore.training.metrics.statistic import State, Statistic


@dataclass(frozen=True)
class AbsoluteErrors(Statistic):
    """Σ|y - t| over all elements, and how many there are."""

    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:  # noqa: ARG002
        """Return (Σ|y - t|, elements) of one batch."""
        return xp.sum(xp.abs(z - t.reshape(z.shape)), dtype=xp.float64), z.size


@dataclass(frozen=True)
class SquaredErrors(Statistic):
    """Σ(y - t)² of each output, shape (out,), and how many rows there are."""

    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:  # noqa: ARG002
        """Return (Σ(y - t)², rows) of one batch."""
        return xp.sum(xp.square(z - t.reshape(z.shape)), axis=0, dtype=xp.float64), z.shape[0]


@dataclass(frozen=True)
class Scatter(Statistic):
    """Of each output Σ(y - t)², the mean m of the targets, and M = Σ(t - m)²; and the rows n.

    Parts a and b come together as (T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating Formulae
    and a Pairwise Algorithm for Computing Sample Variances" (1979), equation 2.1)

        m = m_a + δ n_b / n,    M = M_a + M_b + δ² n_a n_b / n,    δ = m_b - m_a,

    which loses no digits where the mean is large beside the spread, as Σt² - n m² would.
    """

    def of(self, xp: Any, z: Any, t: Any, counts: Any, *, multilabel: bool) -> State:  # noqa: ARG002
        """Return (Σ(y - t)², m, M, n) of one batch."""
        t = t.reshape(z.shape).astype(xp.float64)
        mean = xp.mean(t, axis=0)
        residual = xp.sum(xp.square(z - t), axis=0)
        return residual, mean, xp.sum(xp.square(t - mean), axis=0), z.shape[0]

    def merged(self, a: State, b: State) -> State:
        """Return the four of both parts together."""
        residual_a, mean_a, M_a, n_a = a
        residual_b, mean_b, M_b, n_b = b
        n, delta = n_a + n_b, mean_b - mean_a
        M = M_a + M_b + delta * delta * (n_a * n_b / n)
        return residual_a + residual_b, mean_a + delta * (n_b / n), M, n


def _r2(place: Place, state: State) -> Any:
    xp = place.xp
    residual, _, total, _ = state
    constant = total == 0
    score = 1 - residual / xp.where(constant, 1, total)
    return xp.mean(xp.where(constant, (residual == 0).astype(score.dtype), score))


def _mean(place: Place, state: State) -> Any:  # noqa: ARG001
    total, count = state
    return total / count


MAE = Metric("mae", AbsoluteErrors(), _mean, "elements", "smaller")
"""The mean of abs(y - t) over all elements."""

RMSE = Metric(
    "rmse",
    SquaredErrors(),
    lambda place, seen: place.xp.mean(place.xp.sqrt(seen[0] / seen[1])),
    "elements",
    "smaller",
)
"""The root of the mean of (y - t)², averaged over the outputs."""

R2 = Metric("r2", Scatter(), _r2, "elements", "larger")
"""The coefficient of determination, 1 - Σ(y - t)² / Σ(t - mean(t))², averaged over the outputs.

A constant target counts 1 if it is met exactly and 0 otherwise
(https://en.wikipedia.org/wiki/Coefficient_of_determination).
"""
