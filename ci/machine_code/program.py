"""What there is to compile: a kernel, its text for an architecture, and what it is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .architectures import Capability
from .traffic import Traffic

LEAST_OCCUPANCY = 0.5
"""What a kernel needs that memory bounds, to have enough loads under way."""


@dataclass(frozen=True)
class Ceilings:
    """The most that a kernel may take.

    Attributes
    ----------
    registers : tuple of int
        Registers of a thread, in float32 and in float64.
    shared : int
        Bytes of shared memory of a block, static and dynamic, whatever the dtype.
    reason : str
        Why it takes so many that fewer threads are resident than memory-bound kernels need; "" for
        those.
    reason_float64 : str
        The same in float64 alone.
    """

    registers: tuple[int, int]
    shared: int = 0
    reason: str = ""
    reason_float64: str = ""


@dataclass(frozen=True)
class Program:
    """One kernel in one dtype.

    Attributes
    ----------
    name : str
        What the tables call it.
    dtype : dtype
        float32 or float64.
    threads : int
        Of a block.
    ptx : callable
        ``ptx(capability)`` returns its text.
    ceilings : Ceilings
        What it may take.
    traffic : Traffic or None
        What it reads and writes for each element, if that is how it is judged.
    is_product : bool
        Whether it is a matrix product, judged by its main loop.
    dynamic_shared : callable
        ``dynamic_shared(capability)`` returns the bytes it is launched with besides.
    source : str
        Its CUDA C++, or "" for one written in Python.
    """

    name: str
    dtype: np.dtype
    threads: int
    ptx: Callable[[Capability], str]
    ceilings: Ceilings
    traffic: Traffic | None = None
    is_product: bool = False
    dynamic_shared: Callable[[Capability], int] = lambda _: 0
    source: str = ""

    @property
    def registers(self) -> int:
        """The most registers of a thread."""
        return self.ceilings.registers[self.dtype.itemsize // 8]

    @property
    def reason(self) -> str:
        """Why its occupancy may be low; "" if it may not."""
        return self.ceilings.reason or (self.ceilings.reason_float64 * (self.dtype.itemsize == 8))
