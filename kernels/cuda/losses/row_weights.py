r"""The weight of each row in a reduced loss, computed on the device: nobody waits for a sum.

.. math::
    w_i = \frac{g_i}{\sum_j g_j c_j}

with the weights g that were given, 0 where the label is ignored, and c the class weights of the
labels; without the denominator where the loss is a sum.  All in double precision, after dividing g
and c by their largest: weights of any size neither overflow nor vanish.
"""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np

from ..compiler import KernelSource, launch
from ..formulas import Tools
from ..groups import group_reduce, group_sum, larger

_THREADS = 1024
_INFINITE = inf
_NAN = nan


def row_weights(
    rows: int,
    dtype: Any,
    *,
    mean: bool,
    terms: int = 1,
    given: Any = None,
    labels: Any = None,
    classes: int = 0,
    ignore_index: int | None = None,
    class_weight: Any = None,
    by_class: bool = False,
) -> tuple[Any, Any]:
    """Return the weights of rows, and class weights where a kernel applies them by itself.

    Parameters
    ----------
    rows : int
        The number of rows.
    dtype : dtype
        float32 or float64, that of the result.
    mean : bool
        Whether the weights are to sum to 1, counting class weights.
    terms : int, default 1
        How many losses a row has.
    given : cupy.ndarray, shape (rows,), optional
        Weights of samples, float32 or float64.
    labels : cupy.ndarray, shape (rows,), optional
        Labels, int64.
    classes : int
        The number of classes.
    ignore_index : int, optional
        The label whose rows have weight 0.
    class_weight : cupy.ndarray, shape (classes,), optional
        The weights of the classes of `labels`, float64.
    by_class : bool
        Whether the class weights are left to the kernel of the loss rather than made part of w.

    Returns
    -------
    w : cupy.ndarray, shape (rows,)
        NaN where the label is no class but has class weights, unless the weight given is 0.
    class_weight : cupy.ndarray, shape (classes,), or None
        In `dtype`, divided by what the denominator divides them by; None unless `by_class`.
    """
    import cupy

    w = cupy.empty(rows, dtype)
    scaled = cupy.empty(classes, dtype) if by_class else None
    weight_kind = None if given is None else ("real*" if given.dtype == np.float64 else "single*")
    variant = (
        mean, weight_kind, ignore_index is not None, class_weight is not None, by_class,
        "real*" if dtype == np.float64 else "single*",
    )  # fmt: skip
    # Any address stands for an array that the variant does not read.
    arrays = [w if x is None else x for x in (given, labels, class_weight, w, scaled)]
    numbers = (rows, classes, 0 if ignore_index is None else ignore_index, terms)
    launch(
        shares,
        variant,
        np.dtype(np.float64),
        1 if rows or by_class else 0,
        (*arrays, *map(np.int64, numbers)),
        threads=_THREADS,
    )
    return w, scaled


def shares(
    tools: Tools,
    mean: bool,
    weight_kind: str | None,
    ignoring: bool,
    counting: bool,
    by_class: bool,
    result: str,
) -> KernelSource:
    """Write the kernel, of one block: a batch has few rows beside the numbers in them."""
    cuda = tools.cuda
    real, weighing = tools.real, weight_kind is not None
    total_of, top_of = group_sum(tools, _THREADS), group_reduce(tools, _THREADS, larger)
    bigger = tools.device(larger)

    def weight(given: Any, t: Any, i: int, ignored: int) -> float:
        if ignoring and t[i] == ignored:
            return 0.0
        return real(given[i]) if weighing else 1.0

    def count(t: Any, c: Any, i: int, classes: int) -> float:
        if not counting:
            return 1.0
        label = t[i]
        return c[label] if label >= 0 and label < classes else c[0]  # type: ignore[no-any-return]

    def factor(t: Any, c: Any, i: int, classes: int, top: float) -> float:
        if by_class or not counting:
            return 1.0
        label = t[i]
        return c[label] / top if label >= 0 and label < classes else _NAN

    weight_of, count_of = tools.device(weight), tools.device(count)
    factor_of = tools.device(factor)

    def kernel(
        given: Any, t: Any, c: Any, w: Any, scaled: Any, rows: int, classes: int, ignored: int,
        terms: int,
    ) -> None:  # fmt: skip
        thread = cuda.threadIdx.x
        top, top_count, total = 1.0, 1.0, 1.0
        if mean:
            top, top_count, total = 0.0, 0.0, 0.0
            for i in range(thread, rows, _THREADS):
                top = bigger(top, weight_of(given, t, i, ignored))
                top_count = bigger(top_count, count_of(t, c, i, classes))
            top, top_count = top_of(top), top_of(top_count)
            top = top if top > 0.0 else 1.0
            top_count = top_count if top_count > 0.0 else 1.0
            for i in range(thread, rows, _THREADS):
                share = weight_of(given, t, i, ignored) / top
                total += share * (count_of(t, c, i, classes) / top_count)
            total = total_of(total) * real(terms)
            total = total if total != 0.0 else _INFINITE
        for i in range(thread, rows, _THREADS):
            share = weight_of(given, t, i, ignored) / top / total
            w[i] = share if share == 0.0 else share * factor_of(t, c, i, classes, top_count)
        if by_class:
            for k in range(thread, classes, _THREADS):
                scaled[k] = c[k] / top_count

    kinds = f"{weight_kind or result} int* real* {result} {result} int int int int"
    return KernelSource(kernel, kinds, _THREADS)
