"""Random words on the device: those that `kernels.reference.philox` draws."""

from __future__ import annotations

from ..reference.philox import MULTIPLIERS, ROUNDS, WEYL, WORD

_M0, _M1 = MULTIPLIERS
_W0, _W1 = WEYL


def philox(c0: int, c1: int, c2: int, c3: int, k0: int, k1: int) -> tuple[int, int, int, int]:
    """Return the four random words of a counter, as the reference draws them.

    The words lie in the lower halves of 64 bits, in which a product wraps without harm: of its
    upper half only 32 bits are taken.
    """
    for _ in range(ROUNDS):
        first, second = _M0 * c0, _M1 * c2
        c0 = ((second >> 32) & WORD) ^ c1 ^ k0
        c2 = ((first >> 32) & WORD) ^ c3 ^ k1
        c1, c3 = second & WORD, first & WORD
        k0, k1 = (k0 + _W0) & WORD, (k1 + _W1) & WORD
    return c0, c1, c2, c3


def place_in_stream(
    rows: int, *, seed: int, step: int, layer: int, first_row: int
) -> tuple[int, int, int, int, int]:
    """Return where kernels draw: first row, both words of the key, step and layer.

    Parameters
    ----------
    rows : int
        How many rows of the batch draw.
    seed : int
        In [0, 2⁶⁴).
    step, layer : int
        Which step and which layer draws, in [0, 2³²).
    first_row : int
        The number of the first row within the step's batch; all rows are below 2³².

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    for name, number, limit in (
        ("seed", seed, 2**64), ("step", step, 2**32), ("layer", layer, 2**32),
        ("first_row", first_row, 2**32 - rows + 1),
    ):  # fmt: skip
        if not 0 <= number < limit:
            raise ValueError(f"{name} must be in [0, {limit}), got {number}")
    return first_row, seed & WORD, seed >> 32, step, layer
