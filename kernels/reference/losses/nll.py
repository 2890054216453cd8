r"""The negative log-likelihood of a label under log-probabilities.

.. math::
    l = -z_t, \qquad dz_k = -[k = t]

With z = log_softmax(logits) it is the cross-entropy of the logits
(I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning" (2016), section 5.5).
"""

from ..typing import Array, Namespace
from .function import LossFunction
from .labels import one_hot


def nll(xp: Namespace, z: Array, t: Array) -> tuple[Array, Array]:
    """Return l, shape ``z.shape[:-1]``, and dz for log-probabilities `z` and integer labels `t`.

    A label outside [0, classes) makes l and dz of its row NaN.
    """
    q = one_hot(xp, t, z)
    terms = xp.where(q == 0, xp.zeros_like(z), -q * z)
    return xp.sum(terms, axis=-1), 0 - q


NLL = LossFunction(nll, expects="classes", per_row=True)
