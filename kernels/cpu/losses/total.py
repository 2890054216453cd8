"""The sum of the losses of a batch, in one order whatever the batch was split into."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real

BLOCK = 64
"""The rows of a block."""

_TOGETHER = 8  # blocks that are summed at once: the chains that keep the adder busy


def write_sum_blocks(module: Module) -> None:
    """Write the kernel ``sum_blocks(values, n)``, which returns the sum of `n` numbers.

    Each block of 64 is one ascending chain from 0, and so are the sums of the blocks; the last
    block may be shorter.
    """
    with module.function("sum_blocks", "address", "int", result="real") as (f, values, n):
        total = f.variable(f.scalar(0.0))
        whole = n - n % (BLOCK * _TOGETHER)
        with f.loop(0, whole, BLOCK * _TOGETHER) as start:
            for block in _block_sums(f, values.reals(start), f.int(BLOCK), _TOGETHER):
                total.value = total.value + block
        with f.loop(whole, n, BLOCK) as start:
            (block,) = _block_sums(f, values.reals(start), (n - start).min(BLOCK), 1)
            total.value = total.value + block
        f.returns(total.value)


def _block_sums(f: Function, values: Address, length: Int, blocks: int) -> list[Real]:
    sums = [f.variable(f.scalar(0.0)) for _ in range(blocks)]
    with f.loop(0, length) as i:
        for block, chain in enumerate(sums):
            chain.value = chain.value + values.real(i + block * BLOCK)
    return [chain.value for chain in sums]
