r"""The losses that whole networks are trained with here, of logits that are only known so far.

Of a cross-entropy with labels t, averaged over n rows, dz = (softmax(z) - e_t) / n.  If no logit of
a row is off by more than E, each share p of it is off by at most p (exp(2 E) - 1), and the loss of
the row by 2 E.  Of a squared error averaged over N numbers, dz = 2 (z - t) / N.
"""

from typing import Any

import numpy as np

from mlpcore.nn.losses import loss as named_loss
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.place import wide
from mlpcore.selfcheck.running_error import Approximate


def mean_loss(name: str, z: Approximate, t: Any, dtype: str) -> tuple[Approximate, Approximate]:
    """Return the mean loss and dz.

    Parameters
    ----------
    name : {"cross_entropy", "mse"}
        Which loss.
    z : Approximate, shape (rows, features)
        The logits.
    t : array
        Labels, or numbers in the shape of `z`.
    dtype : str
        Of the device's computation.
    """
    bounds = Bounds(dtype)
    target = t if name == "cross_entropy" else wide(t)
    value, dz = named_loss(name)(np, z.exact, target)
    terms, _ = named_loss(name)(np, z.exact, target, None, "none")
    rounding = bounds.exponentials(z.exact)
    if name == "cross_entropy":
        worst = z.off.max(axis=1, keepdims=True)
        e = np.exp(z.exact - z.exact.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        dz_off = (p * np.expm1(2 * worst) + rounding * (1 + p)) / len(p)
        size = 1 + np.abs(z.exact).max(axis=1) * 2 + terms
        off = (2 * worst[:, 0] + rounding * size).mean()
    else:
        distance = np.abs(z.exact - target) + z.off
        dz_off = 2 * (z.off + bounds.gamma(6) * distance) / max(terms.size, 1)
        off = (2 * distance * z.off + bounds.gamma(6) * distance**2).mean()
    off = off + bounds.gamma(terms.size + 6) * np.abs(terms).mean()
    return Approximate(value, off + bounds.tiny), Approximate(dz, dz_off + bounds.tiny)
