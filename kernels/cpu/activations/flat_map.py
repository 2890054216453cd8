"""Kernels that apply one activation to a run of contiguous elements."""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from . import EMITTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Real

VECTORS = 2
"""How many vectors a round of the loop works on, so that one waits while the other computes."""


def write_activation(module: Module, name: str, num_settings: int = 0) -> None:
    """Write the kernels ``{name}_forward`` and ``{name}_backward`` into `module`.

    ``{name}_forward(z, a, n, settings)`` writes a = f(z), and ``{name}_backward(z, a, da, dz, n,
    settings)`` writes dz = da * f'(z).  All but n are addresses: of n contiguous elements, and of
    the settings as reals of the module's dtype.  a may be z, and dz may be da or what backward
    keeps.  Of z and a, backward reads only what the entry's `keeps` says.

    Parameters
    ----------
    module : Module
        What the kernels are written into.
    name : str
        A name in `EMITTERS`.
    num_settings : int
        How many settings the activation has.
    """
    emitter = EMITTERS[name]

    def splats(settings: Address) -> list[Real]:
        return [settings.real(i).splat() for i in range(num_settings)]

    with module.function(f"{name}_forward", "address", "address", "int", "address") as kernel:
        f, z, a, n, settings = kernel
        given = splats(settings)
        _map(f, n, [z], a, lambda x: emitter.forward(f, x, given))

    addresses = ("address",) * 4
    with module.function(f"{name}_backward", *addresses, "int", "address") as kernel:
        f, z, a, da, dz, n, settings = kernel
        given = splats(settings)
        kept = {"z": [z], "a": [a], None: []}[emitter.keeps]
        _map(f, n, [*kept, da], dz, lambda *x: emitter.product(*x, *given))


def _map(
    f: Function, n: Int, inputs: Sequence[Address], output: Address, compute: Callable[..., Any]
) -> None:
    """Write compute(inputs) for each of n elements, a few vectors at a time, then masked ones."""
    step = VECTORS * f.lanes
    whole = n // step * step
    with f.loop(0, whole, step) as i:
        starts = [i + v * f.lanes for v in range(VECTORS)]
        # All are read before any is written, as the output may be one of the inputs.
        loaded = [[p.vector(start) for p in inputs] for start in starts]
        results = _in_turn(f, [partial(compute, *values) for values in loaded])
        for start, result in zip(starts, results, strict=True):
            output.store(result, start)
    with f.loop(whole, n, f.lanes) as i:
        mask = f.first_lanes(n - i)
        output.store(compute(*(p.vector(i, mask) for p in inputs)), i, mask)


def _in_turn(f: Function, computations: Sequence[Callable[[], Real]]) -> list[Real]:
    """Return the results of computations that do not depend on each other.

    Their instructions are written in turn: a processor looks ahead by so many instructions that it
    would hardly see those of the second behind all those of the first, which wait for each other.
    Computations with control flow stay one after the other.
    """
    block = f.builder.block
    results: list[Real] = []
    parts: list[list[Any]] = []
    start = len(block.instructions)
    for compute in computations:
        before = len(block.instructions)
        results.append(compute())
        parts.append(block.instructions[before:])
    if f.builder.block is block:
        turns = zip_longest(*parts)
        block.instructions[start:] = [one for turn in turns for one in turn if one is not None]
    return results
