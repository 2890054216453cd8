"""One step of an optimizer over a flat vector of parameters, in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int, Truth
    from .rule import Reals, UpdateRule


def write_sweep(module: Module, rule: UpdateRule) -> None:
    """Write the kernel ``<rule.name>(p, g, state1, state2, n, settings)``.

    It writes the next parameters over `p` and the next states over `state1` and `state2`, all of
    `n` elements; `g` is only read.  Addresses of states that the rule does not have are not used.
    Threads may each take a part of the vector: the bits are those of one sweep over all of it.
    """
    kinds = ("address", "address", "address", "address", "int", "address")
    with module.function(rule.name, *kinds) as (f, p, g, first, second, n, numbers):
        states = (first, second)[: len(rule.states)]
        settings = rule.load(numbers)
        step = rule.unroll * f.lanes
        whole = n - n % step
        with f.loop(0, whole, step) as i:
            _step(f, rule, p, g, states, i, settings, rule.unroll)
        with f.loop(whole, n, f.lanes) as i:
            _step(f, rule, p, g, states, i, settings, 1, f.first_lanes(n - i))


def _step(
    f: Function,
    rule: UpdateRule,
    p: Address,
    g: Address,
    states: tuple[Address, ...],
    i: Int,
    settings: Reals,
    vectors: int,
    mask: Truth | None = None,
) -> None:
    places = [i + number * f.lanes for number in range(vectors)]
    # All is loaded before any is stored: the compiler cannot know that nothing overlaps.
    loaded = [
        (p.vector(at, mask), g.vector(at, mask), tuple(s.vector(at, mask) for s in states))
        for at in places
    ]
    for at, (p_i, g_i, states_i) in zip(places, loaded, strict=True):
        stepped, remembered = rule.step(f, p_i, g_i, states_i, settings)
        p.store(stepped, at, mask)
        for state, value in zip(states, remembered, strict=True):
            state.store(value, at, mask)
