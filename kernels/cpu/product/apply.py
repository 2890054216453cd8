"""What is done with a tile of a weight's gradient, and with the gradient of a bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..optimizers.sweep import write_sweep

if TYPE_CHECKING:
    from ..codegen.function import Module
    from ..optimizers.rule import UpdateRule

_TILE = ("address", "address", "address", "address", "int", "int", "int", "address")
_FLAT = ("address", "address", "address", "address", "int", "address")


def write_apply(module: Module, rule: UpdateRule) -> None:
    """Write `apply(p, state1, state2, g, rows, columns, stride, settings)` and the sweep of `rule`.

    p and the states begin at the tile's first element in their matrices, whose rows lie `stride`
    elements apart; g is the tile, row after row of whole vectors.  The optimizer takes its step on
    these elements of p: a gradient that is used at once need not be kept.
    """
    with module.function("apply", *_TILE) as (f, p, state1, state2, g, rows, columns, *rest):
        stride, numbers = rest
        settings = rule.load(numbers)
        states = (state1, state2)[: len(rule.states)]
        vectors = f.isa.tile_vectors
        masks = [f.first_lanes(columns - j * f.lanes) for j in range(vectors)]
        with f.loop(0, rows) as i:
            for j, mask in enumerate(masks):
                at = i * stride + j * f.lanes
                gradient = g.vector((i * vectors + j) * f.lanes)
                stepped, remembered = rule.step(
                    f,
                    p.vector(at, mask),
                    gradient,
                    tuple(state.vector(at, mask) for state in states),
                    settings,
                )
                p.store(stepped, at, mask)
                for state, value in zip(states, remembered, strict=True):
                    state.store(value, at, mask)
    write_sweep(module, rule)


def write_keep(module: Module) -> None:
    """Write `apply` and `keep` for those who want the gradient itself: p is where it goes."""
    with module.function("apply", *_TILE) as (f, p, _1, _2, g, rows, columns, stride, _settings):
        vectors = f.isa.tile_vectors
        masks = [f.first_lanes(columns - j * f.lanes) for j in range(vectors)]
        with f.loop(0, rows) as i:
            for j, mask in enumerate(masks):
                tile = g.vector((i * vectors + j) * f.lanes)
                p.store(tile, i * stride + j * f.lanes, mask)
    with (
        module.function("keep", *_FLAT) as (f, p, g, _1, _2, n, _settings),
        f.loop(0, n, f.lanes) as i,
    ):
        mask = f.first_lanes(n - i)
        p.store(g.vector(i, mask), i, mask)
