r"""Philox4x32-10 in vectors, a counter in each lane of 64 bits; see `kernels.reference.philox`.

A product of two words fills a lane.  Of what a lane holds between rounds only the lower half
counts: the multiplication reads no more, and so nothing is ever cleared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...reference.philox import MULTIPLIERS, ROUNDS, WEYL

if TYPE_CHECKING:
    from ..codegen.function import Function
    from ..codegen.values import Bits, Int

_HALF = 32


class Philox:
    """The stream of one step and layer under a seed.

    Parameters
    ----------
    f : Function
        The kernel.
    seed, step, layer : Int
        As for `random_words` of the reference; the seed as 64 bits with or without a sign.
    """

    def __init__(self, f: Function, seed: Int, step: Int, layer: Int) -> None:
        self._f = f
        self._step, self._layer = step.splat(), layer.splat()
        keys = seed, seed >> _HALF
        self._keys = [
            [(key + WEYL[i] * number).splat() for i, key in enumerate(keys)]
            for number in range(ROUNDS)
        ]

    def words(self, places: list[tuple[Bits, Bits]]) -> list[list[Bits]]:
        """Return the words of columns 4 q to 4 q + 3 of row r for vectors of (r, q).

        They are in the lower halves of their lanes.  The rounds of all vectors are written in turn,
        since those of one wait for each other.
        """
        m0, m1 = MULTIPLIERS
        counters = [[quad, row, self._step, self._layer] for row, quad in places]
        for k0, k1 in self._keys:
            products = [
                (c0.product_of_halves(m0), c2.product_of_halves(m1)) for c0, _, c2, _ in counters
            ]
            counters = [
                [
                    _upper(second) ^ c1 ^ k0,
                    second,
                    _upper(first) ^ c3 ^ k1,
                    first,
                ]
                for (_, c1, _, c3), (first, second) in zip(counters, products, strict=True)
            ]
        return counters

    def columns(self, row: Bits, first: Int, vectors: int) -> list[Bits]:
        """Return the words, 32 bits each, of the columns from `first`, a multiple of 4, on.

        They fill twice as many vectors as there are `vectors` of counters.
        """
        lanes = self._f.ramp().type.count
        quads = [((first >> 2) + i * lanes).splat() + self._f.ramp() for i in range(vectors)]
        drawn = self.words([(row, quad) for quad in quads])
        return [part for words in drawn for part in _in_order(words)]


def _upper(product: Bits) -> Bits:
    """Return the upper half of each lane, in both halves: other units permute than shift."""
    halves = product.halves()
    return halves.shuffle(halves, [lane | 1 for lane in range(halves.type.count)]).wholes()


def _in_order(words: list[Bits]) -> list[Bits]:
    """Return the words of each counter side by side, in two vectors of 32 bits."""
    halves = [word.halves() for word in words]
    count = halves[0].type.count
    lower = [lane + half for lane in range(0, count, 2) for half in (0, count)]
    first, second = halves[0].shuffle(halves[1], lower), halves[2].shuffle(halves[3], lower)
    order = [
        2 * lane + half + which
        for lane in range(count // 2)
        for which in (0, count)
        for half in (0, 1)
    ]
    return [first.shuffle(second, order[:count]), first.shuffle(second, order[count:])]
