r"""Huber's loss: a parabola within δ of the target, a straight line beyond.

.. math::
    d = z-t, \qquad
    l = \begin{cases} d^2/2 & |d| \le δ \\ δ\,(|d| - δ/2) & \text{otherwise,} \end{cases} \qquad
    dz = \min(\max(d, -δ), δ)

(P. J. Huber, "Robust estimation of a location parameter", Ann. Math. Statist. 35 (1964), 73-101,
doi:10.1214/aoms/1177703732.)
"""

from ..typing import Array, Namespace
from .function import LossFunction


def huber(xp: Namespace, z: Array, t: Array, *, delta: float = 1.0) -> tuple[Array, Array]:
    """Return l and dz for predictions `z` and targets `t`, all in the shape of `z`.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    z, t : Array
        Predictions and targets.
    delta : float, default 1.0
        The distance from the target at which the parabola meets the line, greater than 0.

    Returns
    -------
    l, dz : Array
        The loss of each element and its gradient.
    """
    d = z - t
    distance = xp.abs(d)
    loss = xp.where(distance <= delta, d * d / 2, delta * (distance - delta / 2))
    return loss, xp.clip(d, -delta, delta)


HUBER = LossFunction(huber, expects="values", defaults={"delta": 1.0})
