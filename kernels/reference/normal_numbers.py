r"""Normal numbers out of random words, by the transform of Box and Muller.

G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", Annals of
Mathematical Statistics 29 (1958): from independent uniform numbers u and v,

.. math::
    \sqrt{-2 \ln u}\,\cos 2\pi v \qquad \sqrt{-2 \ln u}\,\sin 2\pi v

are two independent numbers of N(0, 1).  Words w make :math:`u = (w_0 + 1/2) / 2^{32}`, which is
never zero, and :math:`v = w_1 / 2^{32}`, so no number is beyond 6.8 in size.
"""

import math

from .philox import random_words
from .typing import Array, Namespace


def normal_numbers(
    xp: Namespace,
    rows: int,
    columns: int,
    *,
    seed: int,
    step: int,
    layer: int,
    first_row: int = 0,
) -> Array:
    """Return a number of N(0, 1) for each element of a layer's batch.

    Columns 4q to 4q + 3 come from the four words w of one counter, as the cosine and the sine of
    (w₀, w₁), then those of (w₂, w₃).  They are computed in float64, so that what is rounded to
    float32 hardly ever depends on who computed logarithm and sine.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    rows, columns : int
        The shape of the result.
    seed, step, layer, first_row : int
        As for `random_words`.

    Returns
    -------
    Array, shape (rows, columns)
        float64.
    """
    quads = -(-columns // 4)
    words = random_words(
        xp, rows, 4 * quads, seed=seed, step=step, layer=layer, first_row=first_row
    )
    pairs = xp.reshape(xp.astype(words, xp.float64), (rows, 2 * quads, 2)) * 2.0**-32
    radius = xp.sqrt(-2.0 * xp.log(pairs[..., 0] + 2.0**-33))
    angle = 2.0 * math.pi * pairs[..., 1]
    both = xp.stack((radius * xp.cos(angle), radius * xp.sin(angle)), axis=-1)
    return xp.reshape(both, (rows, 4 * quads))[:, :columns]
