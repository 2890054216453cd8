"""The sum of the squares of a weight, which the penalty of an objective counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real, Truth

CHAINS = 32
"""Chains of a block, whole vectors of them on every instruction set."""

TERMS = 256
"""Terms of each chain of a block."""


def write_sum_of_squares(module: Module) -> None:
    """Write the kernel ``squares(x, n)``, which returns the sum of x² of `n` numbers.

    A block has `CHAINS` `TERMS` numbers, the last one fewer.  Chain i sums every number i, i +
    `CHAINS`, ... of a block from 0 on, each square by one multiply-add; what the chains of the
    blocks are is added in the order of the blocks, and at the end half of them to the other half
    until one is left.
    """
    with module.function("squares", "address", "int", result="real") as (f, x, n):
        vectors = CHAINS // f.lanes
        totals = f.buffer(CHAINS * f.real_bytes)
        for j in range(vectors):
            totals.store(f.number(0.0), j * f.lanes)
        with f.loop(0, n, CHAINS * TERMS) as start:
            left = (n - start).min(CHAINS * TERMS)
            for j, chain in enumerate(_chains(f, x.reals(start), left, vectors)):
                totals.store(totals.vector(j * f.lanes) + chain, j * f.lanes)
        half = CHAINS // 2
        while half:
            for i in range(half):
                totals.store(totals.real(i) + totals.real(i + half), i)
            half //= 2
        f.returns(totals.real(0))


def _chains(f: Function, x: Address, n: Int, vectors: int) -> list[Real]:
    """Return the chains of one block of `n` numbers."""

    def add(values: list[Any], masks: list[Truth] | None = None) -> list[Any]:
        *sums, at = values
        for j in range(vectors):
            term = at.vector(j * f.lanes, None if masks is None else masks[j])
            sums[j] = term.fma(term, sums[j])
        return [*sums, at.reals(CHAINS)]

    rest = n % CHAINS
    whole = f.repeat(n // CHAINS, [*[f.number(0.0)] * vectors, x], add)
    masks = [f.first_lanes(rest - j * f.lanes) for j in range(vectors)]
    *sums, _at = add(whole, masks)  # what is not there is zero
    return sums
