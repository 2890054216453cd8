r"""Philox4x32-10: four random words for each counter, without a state.

J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2,
3", SC 2011, doi:10.1145/2063384.2063405.  A round takes the counter words c and the key words k,
with hi and lo the halves of a product of 64 bits, to

.. math::
    (\operatorname{hi}(M_1 c_2) \oplus c_1 \oplus k_0,\; \operatorname{lo}(M_1 c_2),\;
     \operatorname{hi}(M_0 c_0) \oplus c_3 \oplus k_1,\; \operatorname{lo}(M_0 c_0))

and each round but the first begins by adding the Weyl constants to the key.

Every number of a network's training has a counter of its own, (column // 4, row, step, layer),
under the seed as the key: so any part of a batch can be drawn by itself, on any device, and again.
"""

from .typing import Array, Namespace

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


def philox4x32(
    xp: Namespace, counter: tuple[Array, Array, Array, Array], key: tuple[int, int]
) -> tuple[Array, Array, Array, Array]:
    """Return the four random words of each counter under one key.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    counter : tuple of four Array
        Words in [0, 2³²), uint64, that broadcast against each other.
    key : tuple of two int
        Words in [0, 2³²).

    Returns
    -------
    tuple of four Array
        Words in [0, 2³²), uint64.
    """

    def word(number: int) -> Array:
        return xp.asarray(number, dtype=xp.uint64)

    mask, half = word(WORD), word(32)
    m0, m1 = map(word, MULTIPLIERS)
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        first, second = m0 * c0, m1 * c2
        c0, c1, c2, c3 = (
            (second >> half) ^ c1 ^ word(k0),
            second & mask,
            (first >> half) ^ c3 ^ word(k1),
            first & mask,
        )
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return c0, c1, c2, c3


def random_words(
    xp: Namespace,
    rows: int,
    columns: int,
    *,
    seed: int,
    step: int,
    layer: int,
    first_row: int = 0,
) -> Array:
    """Return a random word for each element of a layer's batch.

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    rows, columns : int
        The shape of the result.
    seed : int
        In [0, 2⁶⁴).
    step, layer : int
        Which step of the training and which layer draws, in [0, 2³²).
    first_row : int
        The number of the first row within the step's batch; all rows are below 2³².

    Returns
    -------
    Array, shape (rows, columns)
        Words in [0, 2³²), uint64.
    """
    row = xp.arange(first_row, first_row + rows, dtype=xp.uint64)[:, None]
    quad = xp.arange(-(-columns // 4), dtype=xp.uint64)[None, :]
    fixed = (xp.asarray(number, dtype=xp.uint64) for number in (step, layer))
    words = philox4x32(xp, (quad, row, *fixed), (seed & WORD, seed >> 32))
    words = tuple(xp.broadcast_to(word, (rows, quad.shape[1])) for word in words)
    return xp.reshape(xp.stack(words, axis=-1), (rows, 4 * quad.shape[1]))[:, :columns]


def dropout(
    xp: Namespace,
    x: Array,
    rate: float,
    *,
    seed: int,
    step: int,
    layer: int,
    first_row: int = 0,
) -> Array:
    """Return x / (1 - rate) where the element's random word says keep, and 0 elsewhere.

    It is its own vector-Jacobian product: dx is this function of dy under the same numbers.
    (N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR
    15 (2014), scaled in training rather than in prediction.)

    Parameters
    ----------
    xp : Namespace
        The array namespace.
    x : Array, shape (rows, columns)
        float32 or float64.
    rate : float
        The share that is dropped, in [0, 1): words below ``threshold(rate)``.
    seed, step, layer, first_row : int
        As for `random_words`.
    """
    rows, columns = x.shape
    words = random_words(xp, rows, columns, seed=seed, step=step, layer=layer, first_row=first_row)
    keep = words >= xp.asarray(threshold(rate), dtype=xp.uint64)
    scale = xp.asarray(1.0 / (1.0 - rate), dtype=x.dtype)
    return xp.where(keep, x * scale, xp.zeros((), dtype=x.dtype))


def threshold(rate: float) -> int:
    """Return how many of the 2³² words drop an element."""
    return round(rate * 2**32)
