"""One step of an optimizer over a flat vector of parameters: one launch, in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...reference.optimizers.memory import SMALLEST_NORMAL
from ..arrays import aligned, check_ranges, checked, same_shape
from ..compiler import KernelSource, blocks_to_stride, launch
from ..formulas import Tools, product
from ..quads import quad_access
from .rules import DECAY, RULES

_ALL = -1
"""In place of how many ranges decay: everything does."""


def sweep(
    name: str,
    p: Any,
    g: Any,
    states: tuple[Any, ...],
    numbers: tuple[float, ...],
    *,
    decay: float = 0.0,
    decayed: Any = None,
) -> None:
    """Write the next parameters and states over `p` and `states`.

    A state that is smaller than every normal number becomes zero, as the reference says why.

    Parameters
    ----------
    name : str
        A name in `RULES`.
    p, g : cupy.ndarray, shape (n,)
        Parameters and their gradient, float32 or float64, contiguous.
    states : tuple of cupy.ndarray, shape (n,)
        What the rule remembers; zeros before the first step.
    numbers : tuple of float
        The numbers of this step, each rounded once to the dtype of `p`; a decay of the rule's own,
        the last of them, counts where `decayed` says, and is 0 elsewhere.
    decay : float
        The λ of an L2 penalty λ/2 ΣW²: g + λW takes the place of g where `decayed` says, the
        product and the sum each rounded, as on the CPU.
    decayed : cupy.ndarray, shape (ranges, 2), optional
        Beginning and end of each range of `p` that decays, int64; None is all of it.  A beginning
        is a multiple of 4; from an end to the next multiple of 4 lie holes, whose numbers are
        zeros.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or a number of states or numbers is not the rule's.
    """
    rule = RULES[name]
    if len(states) != rule.states or len(numbers) != rule.numbers:
        raise ValueError(
            f"{name} has {rule.states} states and {rule.numbers} numbers, "
            f"got {len(states)} and {len(numbers)}"
        )
    vectors = {"p": p, "g": g} | {f"state {i}": state for i, state in enumerate(states)}
    checked(p.dtype, **vectors)
    same_shape((p.size,), **vectors)
    weight_decay, numbers = (numbers[-1], numbers[:-1]) if rule.decoupled else (0.0, numbers)
    decays = decay != 0 or weight_decay != 0
    if decayed is not None and decays:
        check_ranges(decayed)
    # Any address stands for an array that the rule does not read.
    first, second = (*states, p, p)[:2]
    filled = (*numbers, *(0.0,) * (DECAY - len(numbers)), weight_decay)
    with np.errstate(all="ignore"):  # a float may be too large or too small for float32
        reals = [p.dtype.type(number) for number in (decay, *filled)]
    variant = (name, aligned(*vectors.values()), decays)
    ranges = (p, np.int64(_ALL)) if decayed is None else (decayed, np.int64(len(decayed)))
    blocks = blocks_to_stride(-(-p.size // 4))
    launch(
        update, variant, p.dtype, blocks, (p, g, first, second, np.int64(p.size), *ranges, *reals)
    )


def update(tools: Tools, name: str, in_line: bool, decays: bool) -> KernelSource:
    """Write the kernel of the rule `name`."""
    cuda = tools.cuda
    states, nought = RULES[name].states, tools.dtype.type(0)
    tiny = tools.dtype.type(SMALLEST_NORMAL[tools.dtype.itemsize])
    load, store = quad_access(tools, in_line)
    rule, times = tools.device(RULES[name].update), tools.device(product)

    def nothing(pointer: Any, i: int, n: int) -> tuple[float, float, float, float]:  # noqa: ARG001
        return 0.0, 0.0, 0.0, 0.0

    load_first = load if states > 0 else tools.device(nothing)
    load_second = load if states > 1 else tools.device(nothing)

    def is_decayed(ranges: Any, count: int, i: int) -> bool:
        for k in range(count):  # noqa: SIM110
            if ranges[2 * k] <= i and i < ranges[2 * k + 1]:
                return True
        return False

    def remembered(state: float) -> float:
        return 0.0 if abs(state) < tiny else state  # NaN stays

    decayed_at, keep = tools.device(is_decayed), tools.device(remembered)

    def kernel(
        p: Any, g: Any, first: Any, second: Any, n: int, ranges: Any, count: int,
        decay: float, n0: float, n1: float, n2: float, n3: float, n4: float, n5: float, n6: float,
        n7: float, n8: float, weight_decay: float,
    ) -> None:  # fmt: skip
        i = 4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        stride = 4 * cuda.gridDim.x * cuda.blockDim.x
        while i < n:
            p0, p1, p2, p3 = load(p, i, n)
            g0, g1, g2, g3 = load(g, i, n)
            a0, a1, a2, a3 = load_first(first, i, n)
            b0, b1, b2, b3 = load_second(second, i, n)
            inside = decays and (count == _ALL or decayed_at(ranges, count, i))
            if inside and decay != nought:  # 0 W is NaN where W is infinite
                g0, g1 = g0 + times(decay, p0), g1 + times(decay, p1)
                g2, g3 = g2 + times(decay, p2), g3 + times(decay, p3)
            own_decay = weight_decay if inside else nought
            numbers = (n0, n1, n2, n3, n4, n5, n6, n7, n8, own_decay)
            p0, a0, b0 = rule(p0, g0, a0, b0, numbers)
            p1, a1, b1 = rule(p1, g1, a1, b1, numbers)
            p2, a2, b2 = rule(p2, g2, a2, b2, numbers)
            p3, a3, b3 = rule(p3, g3, a3, b3, numbers)
            store(p, i, n, (p0, p1, p2, p3))
            if states > 0:
                store(first, i, n, (keep(a0), keep(a1), keep(a2), keep(a3)))
            if states > 1:
                store(second, i, n, (keep(b0), keep(b1), keep(b2), keep(b3)))
            i += stride

    return KernelSource(kernel, "real* real* real* real* int int* int" + " real" * 11)
