"""What a thread prepares for predictions that it makes again and again."""

import threading
from math import prod
from typing import Any

import numpy as np

from mlpcore.backends.base import Settings
from mlpcore.backends.cpu.array_cell import DATA_OFFSET
from mlpcore.backends.cpu.cost_model import choose
from mlpcore.backends.cpu.network_table import Packing, aligned
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.predictor import Predictor, PreparedCall
from mlpcore.backends.cpu.scratch import own_scratch, scratch
from mlpcore.backends.cpu.the_team import team
from mlpcore.kernels.cpu.product.words import CallWords

CELL = DATA_OFFSET or 0
"""Bytes from ``id(array)`` to the address of its data, which the kernels read by themselves."""

READABLE = 0x0101
"""Bits of ``array.flags.num``: C-contiguous and aligned (NPY_ARRAY_C_CONTIGUOUS, _ALIGNED)."""

WRITABLE = READABLE | 0x0400
"""The same and NPY_ARRAY_WRITEABLE; https://numpy.org/doc/stable/reference/c-api/array.html."""

_OWNING = 0x0004
"""NPY_ARRAY_OWNDATA: the array frees its data."""

_MOST_CALLS = 256
"""How many shapes a thread remembers."""

_ANY_NUMBER = 1 << 30


class OwnCall:
    """How one thread predicts for inputs of one shape.

    Attributes
    ----------
    kernel : callable
        Takes `address`, where the input array has the address of its data, `rows`, and the same of
        the result.
    address : int
        Where `CallWords` lie.
    rows : int
        How many there are.
    shape : tuple of int
        The shape of the result.
    packing : Packing
        The weights that are read.
    participants : int
        How many threads may take part.
    """

    __slots__ = ("_kept", "address", "kernel", "packing", "participants", "rows", "shape")

    def __init__(
        self,
        table: int,
        call: PreparedCall,
        rows: int,
        shape: tuple[int, ...],
        memory: tuple[int, object],
    ) -> None:
        words = aligned(CallWords.COUNT, np.int64)
        words[CallWords.NETWORK] = table
        words[CallWords.SCRATCH] = memory[0]
        words[CallWords.SHARE] = call.share
        words[CallWords.CHUNK] = call.chunk
        words[CallWords.PARTICIPANTS] = call.participants
        words[CallWords.ACTIVATE] = 1
        self.kernel = call.direct
        self.address = int(words.ctypes.data)
        self.rows = rows
        self.shape = shape
        self.packing: Packing = call.packing
        self.participants = call.participants
        self._kept = words, memory[1]


class OwnCalls(threading.local):
    """The calls that each thread has prepared with one predictor.

    Parameters
    ----------
    predictor : Predictor
        What predicts.
    settings : Settings
        What the model asks for.
    frozen : bool
        Whether nobody writes the parameters any more: then the weights of a call that was found are
        packed for good.

    Attributes
    ----------
    at_once : dict of tuple to OwnCall
        By the shape of the input, those that are the same with any number of threads.
    """

    def __init__(self, predictor: Predictor, settings: Settings, *, frozen: bool) -> None:
        self._predictor, self._settings, self._frozen = predictor, settings, frozen
        self.at_once: dict[tuple[int, ...], OwnCall] = {}
        self._others: dict[tuple[tuple[int, ...], int], OwnCall] = {}
        self._scratch = 0

    def find(self, shape: tuple[int, ...]) -> OwnCall | None:
        """Return the call for inputs of `shape` with as many threads as are to be used now.

        None if the shape does not fit, or there are no rows, or arrays do not show where their data
        lie.
        """
        if DATA_OFFSET is None or not shape or shape[-1] != self._predictor.features or 0 in shape:
            return None
        threads = num_threads(self._settings.num_threads)
        call = self._others.get((shape, threads)) or self._make(shape, threads)
        if call.participants > 1:
            team().ready_for(call.participants)  # whose workers may have ended for a fork
        return call

    def _make(self, shape: tuple[int, ...], threads: int) -> OwnCall:
        predictor, rows = self._predictor, prod(shape[:-1])
        prepared = predictor.prepared(rows, threads)
        if self._frozen:
            prepared.packing.refresh()
        memory = scratch(prepared.total)
        result = (*shape[:-1], predictor.outputs)
        call = OwnCall(predictor.table.address, prepared, rows, result, memory)
        if memory[0] != own_scratch():  # too large to be kept
            return call
        full = len(self.at_once) + len(self._others) >= _MOST_CALLS
        if full or memory[0] != self._scratch:  # calls with smaller blocks would keep those
            self.at_once.clear()
            self._others.clear()
            self._scratch = memory[0]
        table = predictor.table
        if choose(rows, _ANY_NUMBER, table) == choose(rows, 1, table):
            self.at_once[shape] = call
        else:
            self._others[shape, threads] = call
        return call


def takes(out: Any, call: OwnCall, dtype: Any, x: Any, x_flags: int) -> bool:
    """Return whether a kernel can write the result of `call` for `x` to `out`, anything at all.

    `x_flags` are those of `x`, which is an array that a kernel can read.
    """
    if type(out) is not np.ndarray or out.dtype is not dtype or out.shape != call.shape:
        return False
    flags = out.flags.num
    if flags & WRITABLE != WRITABLE:
        return False
    if flags & x_flags & _OWNING:  # no two arrays own the same memory
        return out is not x
    return not np.may_share_memory(x, out)
