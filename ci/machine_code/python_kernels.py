"""The kernels that are written in Python, with what each is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mlpcore.kernels.cuda import column_sums, dropout, elementwise, noise, penalty, sums
from mlpcore.kernels.cuda.activations import FORMULAS
from mlpcore.kernels.cuda.compiler import THREADS, ptx_of
from mlpcore.kernels.cuda.losses import cross_entropy, elements, nll, row_weights
from mlpcore.kernels.cuda.losses import soft_cross_entropy as soft
from mlpcore.kernels.cuda.losses.elements import ELEMENTS
from mlpcore.kernels.cuda.norms import batch_kernels, gradient_sums, layer_kernels
from mlpcore.kernels.cuda.optimizers.rules import RULES
from mlpcore.kernels.cuda.optimizers.sweep import update
from mlpcore.kernels.cuda.rows import softmax as rows

from .program import Ceilings, Program
from .traffic import Pass, Traffic

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_SIZES = (1, 32, 256)
_FLAGS = (False, True)


@dataclass(frozen=True)
class Entry:
    """A factory and its variants.

    Attributes
    ----------
    factory : callable
        What `kernels.cuda.compiler.ptx_of` takes.
    usual : tuple
        The variants that every change is checked with.
    others : tuple
        The variants that only the long check has besides.
    ceilings : Ceilings
        What all of them may take.
    traffic : dict
        What a variant reads and writes for each element, for those that the tables show.
    threads : int
        Of a block.
    dtypes : tuple of dtype
        What it is compiled for.
    """

    factory: Callable[..., Any]
    usual: tuple[tuple[Any, ...], ...]
    others: tuple[tuple[Any, ...], ...]
    ceilings: Ceilings
    traffic: dict[tuple[Any, ...], Traffic]
    threads: int = THREADS
    dtypes: tuple[np.dtype, ...] = (FLOAT32, FLOAT64)


def _once(reads: int, writes: int, wide: bool = False) -> Traffic:
    return Traffic((Pass(reads, writes),), reads + writes, wide)


def _twice(reads: int, writes: int) -> Traffic:
    """Read everything, then read it again and write."""
    return Traffic((Pass(reads, 0), Pass(reads, writes)), reads + writes)


def _by_size(*rest: Any) -> tuple[tuple[Any, ...], ...]:
    return tuple((size, *rest) for size in _SIZES)


_ROWS = (32,), (256,)
_ONE_LANE = ((1,),)
_LOADS = (
    "in float64 three blocks have 48 KiB or more of loads under way, four numbers of each array"
)
_UNROLLED = (
    "in float64 three blocks are resident, and the loads of an unrolled loop under way at once"
)
_FOUR_ROWS = "in float64 three blocks are resident, and the loads of four rows under way at once"
_COMPUTED = "logarithms, sines and cosines in double precision bound it, and memory does not"
_SUMS_OF_BLOCKS = (Pass(1, 0), Pass(2, 0), Pass(3, 0))
"""Loops over the sums that each block of 64 rows has left."""
_RULES_READ = {"sgd": (2, 1), "sgd_momentum": (3, 2), "sgd_nesterov": (3, 2), "adam": (4, 3)}

ENTRIES: tuple[Entry, ...] = (
    Entry(
        elementwise.activation,
        (("gelu", True), ("mish", True)),
        tuple((name, in_line) for name in FORMULAS for in_line in _FLAGS),
        Ceilings((64, 64)),
        {("gelu", True): _once(1, 1, wide=True), ("mish", True): _once(1, 1, wide=True)},
    ),
    Entry(
        elementwise.bias_activation,
        (("gelu", True, True, True),),
        tuple((name, True, True, keeps) for name in FORMULAS for keeps in _FLAGS)
        + tuple(("mish", a, b, c) for a in _FLAGS for b in _FLAGS for c in _FLAGS),
        Ceilings((64, 80)),
        {("gelu", True, True, True): _once(2, 2, wide=True)},
    ),
    Entry(
        elementwise.activation_product,
        (("gelu", True), ("mish", True)),
        tuple((name, in_line) for name in FORMULAS for in_line in _FLAGS),
        Ceilings((64, 80), reason_float64=_LOADS),
        {("gelu", True): _once(2, 1, wide=True), ("mish", True): _once(2, 1, wide=True)},
    ),
    Entry(rows.softmax, _ROWS, _ONE_LANE, Ceilings((48, 48), 128), {(32,): _twice(1, 1)}),
    Entry(rows.log_softmax, _ROWS, _ONE_LANE, Ceilings((48, 48), 128), {(32,): _twice(1, 1)}),
    Entry(rows.logsumexp, _ROWS, _ONE_LANE, Ceilings((48, 48), 128), {(32,): _once(1, 0)}),
    Entry(
        rows.softmax_product,
        _ROWS,
        _ONE_LANE,
        Ceilings((64, 80), 64, reason_float64=_UNROLLED),
        {(32,): _twice(2, 1)},
    ),
    Entry(
        rows.log_softmax_product,
        _ROWS,
        _ONE_LANE,
        Ceilings((64, 80), 64, reason_float64=_UNROLLED),
        {(32,): Traffic((Pass(1, 0), Pass(2, 1)), 3)},
    ),
    Entry(
        cross_entropy.cross_entropy,
        ((32, True), (256, True)),
        (*_by_size(False), (1, True)),
        Ceilings((64, 64), 128),
        {(32, True): _twice(1, 1)},
    ),
    Entry(
        soft.label_terms,
        ((256, True, True),),
        tuple(v for a in _FLAGS for b in _FLAGS for v in _by_size(a, b)),
        Ceilings((64, 64), 192),
        {},
    ),
    Entry(
        soft.distribution_terms,
        ((32, False, False),),
        tuple(v for a in _FLAGS for b in _FLAGS for v in _by_size(a, b)),
        Ceilings((64, 64), 192),
        {(32, False, False): _twice(2, 1)},
    ),
    Entry(
        nll.nll,
        ((256, True),),
        (*_by_size(False), *_by_size(True)),
        Ceilings((48, 48)),
        {(256, True): _once(0, 1)},
    ),
    Entry(
        elements.elements,
        (("binary_cross_entropy", 32, True, False), ("mse", 32, True, False)),
        tuple(
            (n, *v) for n in ELEMENTS if n != "poisson" for f in _FLAGS for v in _by_size(True, f)
        ),
        Ceilings((64, 80), 64),
        {
            ("binary_cross_entropy", 32, True, False): _once(2, 1),
            ("mse", 32, True, False): _once(2, 1),
        },
    ),
    Entry(
        elements.elements,
        (),
        tuple(("poisson", *v) for f in _FLAGS for v in _by_size(True, f)),
        # With 64 registers in float64, its variant for long rows spills.
        Ceilings((64, 80), 64, reason_float64=_UNROLLED),
        {},
    ),
    Entry(
        row_weights.shares,
        ((True, "single*", True, True, True, "single*"),),
        tuple(
            (mean, kind, ignoring, counting, False, result)
            for mean in _FLAGS
            for kind in (None, "single*", "real*")
            for ignoring in _FLAGS
            for counting in _FLAGS
            for result in ("single*", "real*")
        ),
        Ceilings((64, 64), 512, "one block for a batch: it waits for its own reductions"),
        {},
        threads=1024,
        dtypes=(FLOAT64,),
    ),
    Entry(
        update,
        (("adam", True, False), ("adam", True, True), ("sgd", True, False)),
        tuple((name, True, True) for name in RULES)
        + tuple((name, a, b) for name in ("sgd", "adam") for a in _FLAGS for b in _FLAGS),
        Ceilings((64, 80), reason_float64=_LOADS),
        {(n, True, False): _once(*_RULES_READ[n], wide=True) for n in ("adam", "sgd")},
    ),
    Entry(sums.chunk_sums, ((),), (), Ceilings((48, 64), 64), {(): _once(1, 0)}),
    Entry(penalty.chunk_squares, ((),), (), Ceilings((56, 56), 64), {(): _once(1, 0)}),
    Entry(penalty.objective, ((),), (), Ceilings((56, 56), 64), {(): _once(1, 0)}),
    Entry(
        column_sums.block_sums,
        ((),),
        (),
        Ceilings((48, 48)),
        {(): Traffic((Pass(1, 0),), least=1, rare=(Pass(0, 1),))},  # zeros where there are no rows
    ),
    Entry(
        batch_kernels.block_moments,
        ((),),
        (),
        Ceilings((64, 80), reason_float64=_UNROLLED),
        {(): Traffic((Pass(1, 0), Pass(1, 0)), least=1)},
    ),
    Entry(
        batch_kernels.normalized,
        ((True,),),
        ((False,),),
        Ceilings((64, 80), reason_float64=_FOUR_ROWS),
        {(True,): Traffic((Pass(1, 1),), least=2, rare=_SUMS_OF_BLOCKS)},
    ),
    Entry(
        batch_kernels.batch_gradient,
        ((True,),),
        ((False,),),
        Ceilings((64, 64)),
        {(True,): Traffic((Pass(2, 1),), least=3, rare=_SUMS_OF_BLOCKS)},
    ),
    Entry(
        gradient_sums.gradients_of_blocks,
        ((True,), (False,)),
        (),
        Ceilings((64, 80), reason_float64=_UNROLLED),
        {(False,): Traffic((Pass(2, 0),), least=2)},
    ),
    Entry(gradient_sums.both_sums, ((),), (), Ceilings((48, 64)), {}),
    Entry(
        layer_kernels.row_normalized,
        _ROWS,
        _ONE_LANE,
        Ceilings((64, 80), 64, reason_float64=_UNROLLED),
        {(32,): Traffic((Pass(1, 0), Pass(1, 0), Pass(3, 1)), least=2)},
    ),
    Entry(
        layer_kernels.row_gradient,
        _ROWS,
        _ONE_LANE,
        Ceilings((64, 80), 64, reason_float64=_UNROLLED),
        {(32,): Traffic((Pass(3, 0), Pass(3, 1)), least=3)},
    ),
    Entry(
        dropout.masked, ((True,),), ((False,),), Ceilings((64, 64)), {(True,): _once(1, 1, True)}
    ),
    Entry(noise.noisy, ((True,),), ((False,),), Ceilings((64, 80), reason_float64=_COMPUTED), {}),
)


def python_programs(everything: bool) -> Iterator[Program]:
    """Give the kernels, in the variants that every change is checked with or in all of them."""
    for entry in ENTRIES:
        variants = dict.fromkeys(entry.usual + (entry.others if everything else ()))
        for variant in variants:
            for dtype in entry.dtypes:
                yield Program(
                    _name(entry.factory, variant),
                    dtype,
                    entry.threads,
                    partial(ptx_of, entry.factory, dtype, variant),
                    entry.ceilings,
                    entry.traffic.get(variant),
                )


def _name(factory: Callable[..., Any], variant: tuple[Any, ...]) -> str:
    return " ".join([factory.__name__, *(str(part).rstrip("*") for part in variant)])
