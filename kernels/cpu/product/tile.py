r"""The register tile: a few rows of one factor times a few vectors of the other.

    c[i, j] = sum over k of a[i, k] * b[k, j]

for `rows` values of i and `vectors` vectors of j.  The sum is the canonical one: blocks of `BLOCK`
terms, each an ascending chain of fused multiply-adds that begins at zero, the sums of the blocks
added ascending.  So an element has the same bits whichever tile computes it.

A tile is bound by the multiply-add units only if little else is issued.  Where an instruction can
broadcast an element from memory (AVX-512), most multiply-adds read their own: one instruction for
each, and none to load.  Elsewhere an element is loaded once for all vectors.  (K. Goto and R. A.
van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34 (2008), for the shape
of the loops around a tile.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..codegen.function import Function
    from ..codegen.values import Address, Int, Real, Truth

BLOCK = 256
"""Terms of one chain of a product over features."""

ROW_BLOCK = 64
"""Terms of one chain of a sum over the rows of a batch."""

CACHE_LINE = 64
"""Bytes of a cache line."""

ROWS_ASKED = 8
"""Rows of a weight that the tiles of a block ask for while they are summed."""

FAR_BYTES = 1 << 18
"""A weight larger than this is taken to come from a slower cache than the second in a training
step, which reads and writes what an optimizer remembers of it too."""

LOADED_ONCE = (4, 14)
"""How many rows of how many have their element loaded once for all vectors where multiply-adds may
load their own: so the units that load are not as busy as those that multiply, and one may wait for
the other."""

_STEPS = 2
"""Terms that one round of the loop adds to each chain."""


def chains(
    f: Function,
    count: Int,
    places: tuple[Address | Int, ...],
    advance: Callable[[list[Any], int], list[Any]],
    element: Callable[[list[Any], int, int], Address],
    vector: Callable[[list[Any], int, int], Real],
    rows: int,
    vectors: int,
    *,
    start: list[Real] | None = None,
    share: bool | None = None,
) -> list[list[Real]]:
    """Return the chains of `count` terms for each row and vector.

    Parameters
    ----------
    f : Function
        The kernel.
    count : Int
        How many terms; may be 0.
    places : tuple of Address or Int
        What moves on from term to term.
    advance : callable
        ``advance(places, steps)`` returns the places `steps` terms on.
    element : callable
        ``element(places, i, step)`` returns the address of a[i, k + step].
    vector : callable
        ``vector(places, j, step)`` returns the vector b[k + step, j].
    rows, vectors : int
        The shape of the tile.
    start : list of Real, optional
        What the chains go on from instead of zero, one row after the other.
    share : bool, optional
        Whether an element is loaded once for all vectors; by default as the instruction set is.
    """
    number = rows * vectors
    shared = not f.isa.broadcasts if share is None else share
    once = rows * LOADED_ONCE[0] // LOADED_ONCE[1] if vectors > 1 else 0

    def add_row(sums: list[Any], at: list[Any], factors: list[Real], i: int, step: int) -> None:
        a = element(at, i, step).real().splat()
        for j in range(vectors):
            sums[i * vectors + j] = a.fma(factors[j], sums[i * vectors + j])

    def term(values: list[Any], steps: int) -> list[Any]:
        sums, at = values[:number], values[number:]
        for step in range(steps):
            factors = [vector(at, j, step) for j in range(vectors)]
            if not shared:
                # In this order, and held to it, no sum leaves its register; in others LLVM moves
                # some to the stack.
                for j in range(vectors):
                    for i in range(once, rows):
                        a = element(at, i, step).real().splat()
                        sums[i * vectors + j] = a.fma(factors[j], sums[i * vectors + j])
                    f.keep_order()
                for i in range(once):
                    add_row(sums, at, factors, i, step)
                    f.keep_order()
            else:
                for i in range(rows):
                    add_row(sums, at, factors, i, step)
                if step < steps - 1:
                    f.keep_order()
        return [*sums, *advance(at, steps)]

    values: list[Any] = [*([f.number(0.0)] * number if start is None else start), *places]
    values = f.repeat(count % _STEPS, values, lambda v: term(v, 1))
    values = f.repeat(count // _STEPS, values, lambda v: term(v, _STEPS))
    return [values[i * vectors : (i + 1) * vectors] for i in range(rows)]


def chains_of_block(
    f: Function,
    count: Int,
    a: Address,
    b: Address,
    steps: tuple[int | Int, int | Int],
    rows: int,
    vectors: int,
    following: Address,
    stride: Int,
) -> list[list[Real]]:
    """Return the chains of at most `BLOCK` terms where a is a part of a weight, or a copy of it.

    Meanwhile they ask for what comes next: `BLOCK` elements of `ROWS_ASKED` rows of the weight.

    Parameters
    ----------
    f : Function
        The kernel.
    count : Int
        How many terms.
    a : Address
        The elements.
    b : Address
        The vectors, those of one term after those of the other.
    steps : tuple
        How many elements of a lie between those of two chains, and of two terms.
    rows, vectors : int
        The shape of the tile.
    following : Address
        The first of the rows that are asked for.
    stride : Int
        How many elements those rows are apart.
    """
    segment, width = BLOCK // ROWS_ASKED, vectors * f.lanes
    row, term = steps

    def advance(at: list[Any], count: int) -> list[Any]:
        a, b, line = at
        if count > 1:
            f.prefetch(line)
            line = line.bytes(CACHE_LINE)
        return [a.reals(term * count), b.reals(count * width), line]

    def part(values: list[Any]) -> list[Any]:
        *start, a, b, line, left = values
        n = left.min(segment)
        found = chains(
            f,
            n,
            (a, b, line),
            advance=advance,
            element=lambda at, i, s: (at[0].reals(term * s) if s else at[0]).reals(row * i),
            vector=lambda at, j, s: at[1].vector(s * width + j * f.lanes),
            rows=rows,
            vectors=vectors,
            start=start,
        )
        flat = [total for row in found for total in row]
        return [*flat, a.reals(n * term), b.reals(n * width), line.reals(stride), left - n]

    zeros = [f.number(0.0)] * (rows * vectors)
    *flat, _a, _b, _line, _left = f.repeat(
        count.ceil_div(segment), [*zeros, a, b, following, count], part
    )
    return [flat[i * vectors : (i + 1) * vectors] for i in range(rows)]


def chains_of_rows(
    f: Function,
    count: Int,
    a: Address,
    lda: Int,
    b: Address,
    rows: int,
    vectors: int,
    *,
    ldb: Int | None = None,
    ahead: Int | None = None,
) -> list[list[Real]]:
    """Return the chains where a lies row after row, `lda` elements apart, and b likewise by `ldb`.

    Without `ldb`, b has no gaps.  Each row of a has an address of its own, so its elements are
    loaded once for all vectors.  With `ahead`, each term asks for what lies so many bytes on in b.
    """
    width = f.int(vectors * f.lanes) if ldb is None else ldb

    def advance(at: list[Any], steps: int) -> list[Any]:
        if ahead is not None and steps > 1:
            for step in range(steps):
                for line in range(-(-vectors * f.lanes * f.real_bytes // CACHE_LINE)):
                    f.prefetch(at[1].reals(width * step).bytes(ahead + line * CACHE_LINE))
        return [at[0] + steps, at[1].reals(width * steps)]

    at_row = [a.reals(lda * i) for i in range(rows)]
    return chains(
        f,
        count,
        (f.int(0), b),
        advance=advance,
        element=lambda at, i, s: at_row[i].reals(at[0]).reals(s),
        vector=lambda at, j, s: (at[1].reals(width * s) if s else at[1]).vector(j * f.lanes),
        rows=rows,
        vectors=vectors,
        share=True,
    )


def finish(
    f: Function,
    sums: list[list[Real]],
    first: Truth,
    last: Truth,
    place: Callable[[int, int], tuple[Address, Truth | None]],
    complete: Callable[[Real, int, int], Real],
) -> None:
    """Add the sums of a block to the tile in memory; `complete` what the last block has made whole.

    Parameters
    ----------
    f : Function
        The kernel.
    sums : list of list of Real
        The chains of the block.
    first, last : Truth
        Whether the block is the first, which overwrites what is there, and the last.
    place : callable
        ``place(i, j)`` returns where vector (i, j) lies, and its mask.
    complete : callable
        ``complete(total, i, j)`` returns what to store of the whole sum.
    """

    def write(fresh: bool, whole: bool) -> None:
        for i, row in enumerate(sums):
            for j, block_sum in enumerate(row):
                at, mask = place(i, j)
                total = block_sum if fresh else at.vector(0, mask) + block_sum
                at.store(complete(total, i, j) if whole else total, 0, mask)

    with f.either(first) as (yes, no):
        with yes, f.either(last) as (only, more):
            with only:
                write(fresh=True, whole=True)
            with more:
                write(fresh=True, whole=False)
        with no, f.either(last) as (final, middle):
            with final:
                write(fresh=False, whole=True)
            with middle:
                write(fresh=False, whole=False)
