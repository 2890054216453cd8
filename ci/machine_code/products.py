"""The main loop of a matrix product: its multiply-adds, and the width of what feeds them."""

from __future__ import annotations

from dataclasses import dataclass

from .sass import innermost_loops, read_sass

MULTIPLY_ADDS = {4: "FFMA", 8: "DFMA"}
"""The instruction by the bytes of a number."""


@dataclass(frozen=True)
class MainLoop:
    """The innermost loop with the most multiply-adds.

    Attributes
    ----------
    multiply_adds : int
        How many it has.
    share : float
        Their share of its instructions, from 0 to 1.
    shared_loads : tuple of int
        The bytes of each of its loads from shared memory.
    global_loads : tuple of int
        The bytes of each load from global memory, of the whole kernel.
    """

    multiply_adds: int
    share: float
    shared_loads: tuple[int, ...]
    global_loads: tuple[int, ...]


def main_loop(sass: str, itemsize: int) -> MainLoop:
    """Return what the main loop is made of.

    Raises
    ------
    ValueError
        If no loop multiplies and adds.
    """
    name = MULTIPLY_ADDS[itemsize]
    loops = [loop for loop in innermost_loops(sass) if loop.of(name)]
    if not loops:
        raise ValueError(f"no loop has {name}")
    best = max(loops, key=lambda loop: len(loop.of(name)))
    everything, _ = read_sass(sass)
    return MainLoop(
        len(best.of(name)),
        best.share(name),
        tuple(i.bytes for i in best.of("LDS")),
        tuple(i.bytes for i in everything if i.operation == "LDG"),
    )
