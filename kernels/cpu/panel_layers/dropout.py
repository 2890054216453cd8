r"""Dropout on panels, with the bits of `kernels.cpu.layers.dropout`.

.. math::
    y = \begin{cases} a / (1 - \text{rate}) & \text{if the element's random word} \ge t \\
                      0 & \text{otherwise} \end{cases}

A counter gives the words of four columns of a row, and the rows lie in the lanes; so a vector of
counters gives a vector for each of four features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..layers.philox import Philox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..codegen.function import Module
    from ..codegen.values import Bits, Int, Truth

_WORDS = 4
"""Words, and so features, that a counter gives."""


def write_panel_dropout(module: Module) -> None:
    """Write the kernels ``dropout_forward`` and ``dropout_backward``.

    ``dropout_forward(a, y, kept, features, width, row, seed, step, layer, t, scale)``: a and y,
    which may be one, are panels, and ``kept`` gets a byte for each element of them.  ``row`` is the
    number of the panel's first row, ``t`` lies in [0, 2**32), and ``scale`` is a real,
    1 / (1 - rate).

    ``dropout_backward(dy, da, kept, n, scale)`` writes n elements of da, which may be dy, a
    multiple of a vector.
    """
    kinds = ("address", "address", "address", *("int",) * 7, "real")
    with module.function("dropout_forward", *kinds) as kernel:
        f, a, y, kept, features, width, row, seed, step, layer, threshold, scale = kernel
        draw, factor = _Draw(Philox(f, seed, step, layer), threshold), scale.splat()
        with f.loop(0, features, draw.features) as k, f.loop(0, width, f.lanes) as r:
            for i, keeps in enumerate(draw.at(row + r, k)):
                with f.when(k + i < features):
                    at = (k + i) * width + r
                    kept.store_truths(keeps, at)
                    y.store(keeps.select(a.vector(at) * factor, 0.0), at)

    with module.function("dropout_backward", *("address",) * 3, "int", "real") as kernel:
        f, dy, da, kept, n, scale = kernel
        factor = scale.splat()
        with f.loop(0, n, f.lanes) as i:
            da.store(kept.truths(i, f.lanes).select(dy.vector(i) * factor, 0.0), i)


class _Draw:
    """What a vector of rows keeps of a few features, two vectors of counters at once.

    In float32 these are the two halves of the rows, in float64 two groups of features.

    Parameters
    ----------
    stream : Philox
        Where the words come from.
    threshold : Int
        How many of all words drop an element.
    """

    def __init__(self, stream: Philox, threshold: Int) -> None:
        f = threshold.f
        self._stream, self._f = stream, f
        self._counters = f.ramp().type.count
        self._halves = f.lanes // self._counters
        self.features = 2 * _WORDS // self._halves
        both = (threshold | (threshold << 32)).splat().halves()
        self._least = both.shuffle(both, list(range(f.lanes)))

    def at(self, row: Int, feature: Int) -> Iterator[Truth]:
        """Give what is kept of each of `features` features, a multiple of them, in turn."""
        ramp = self._f.ramp()
        rows = [(row + half * self._counters).splat() + ramp for half in range(self._halves)]
        quad = feature >> 2
        quads = [(quad + i).splat() for i in range(self.features // _WORDS)]
        drawn = self._stream.words([(r, q) for q in quads for r in rows])
        for start in range(0, len(drawn), self._halves):
            vectors = drawn[start : start + self._halves]
            for word in range(_WORDS):
                yield self._lower([vector[word] for vector in vectors]).at_least(self._least)

    def _lower(self, words: list[Bits]) -> Bits:
        """Return the lower halves of the lanes of one vector or two, side by side."""
        first, last = words[0].halves(), words[-1].halves()
        return first.shuffle(last, list(range(0, 2 * self._f.lanes, 2)))
