r"""Numbers of N(0, 1) out of random words; see `kernels.reference.normal_numbers`.

.. math::
    \sqrt{-2 \ln u}\,\cos 2\pi v, \qquad \sqrt{-2 \ln u}\,\sin 2\pi v, \qquad
    u = \frac{w_0 + 1/2}{2^{32}}, \quad v = \frac{w_1}{2^{32}}

for the first two words of a counter, and again for the last two.  Always in float64: a number that
is then rounded to float32 hardly ever depends on who computed logarithm and sine.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import numpy as np

from ..math.logarithm import log
from ..math.trigonometric import cos, sin
from .philox import Philox

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..codegen.values import Bits, Real


def write_normal_numbers(module: Module) -> None:
    """Write the kernel ``normal_numbers(y, rows, columns, first, seed, step, layer, std)``.

    It writes std ξ, float64 whatever the dtype of the layer, with ξ of N(0, 1), to rows without
    gaps.  ``first`` is the number of the first row.
    """
    if module.dtype != np.float64:
        return
    kinds = ("address", *("int",) * 6, "real")
    with module.function("normal_numbers", *kinds) as kernel:
        f, y, rows, columns, first_row, seed, step, layer, std = kernel
        stream, factor = Philox(f, seed, step, layer), std.splat()
        group = 4 * f.lanes
        with f.loop(0, rows) as r:
            row, to = (first_row + r).splat(), y.reals(r * columns)
            with f.loop(0, columns, group) as c:
                ((w0, w1, w2, w3),) = stream.words([(row, (c >> 2).splat() + f.ramp())])
                numbers = _by_counter([*_pair(w0, w1), *_pair(w2, w3)])
                for i, number in enumerate(numbers):
                    place = c + i * f.lanes
                    with f.when(place < columns):
                        to.store(number * factor, place, f.first_lanes(columns - place))


def _pair(first: Bits, second: Bits) -> tuple[Real, Real]:
    radius = (log(_number(first).fma(2.0**-32, 2.0**-33)) * -2.0).sqrt()
    angle = (_number(second) * 2.0**-32) * (2.0 * pi)
    return radius * cos(angle), radius * sin(angle)


def _number(word: Bits) -> Real:
    """Return the lower halves of words as floating-point numbers."""
    whole = word.f.number(2.0**52)
    return ((word & (2**32 - 1)) | whole.bits()).real() - whole


def _by_counter(values: list[Real]) -> list[Real]:
    """Return the four numbers of the first counter, of the second, and so on."""
    a, b, c, d = values
    lanes = a.f.lanes
    pairs = [lane + which for lane in range(lanes) for which in (0, lanes)]
    first, second = a.shuffle(b, pairs), c.shuffle(d, pairs)
    order = [
        2 * lane + which + half
        for lane in range(lanes)
        for half in (0, 2 * lanes)
        for which in (0, 1)
    ]
    return [first.shuffle(second, order[i * lanes : (i + 1) * lanes]) for i in range(4)]
