"""Predictions whose input needs no conversion, with as little Python around them as there can be."""

import threading
from typing import Any

import numpy as np

from mlpcore.backends.cpu.array_cell import DATA_OFFSET
from mlpcore.backends.cpu.compiled_network import contiguous_rows
from mlpcore.backends.cpu.network_table import Packing, aligned
from mlpcore.backends.cpu.num_threads import num_threads
from mlpcore.backends.cpu.predictor import Predictor, PreparedCall
from mlpcore.backends.cpu.scratch import own_scratch, scratch
from mlpcore.backends.seqlock import SequenceLock
from mlpcore.kernels.cpu.product.words import CallWords

_MOST_CALLS = 256
"""How many numbers of rows a thread remembers."""


class _OwnCall:
    """A prepared call with the scratch of one thread."""

    __slots__ = ("address", "block", "kernel", "packing", "scratch", "words")

    def __init__(self, table: int, call: PreparedCall, scratch_address: int, block: object) -> None:
        words = aligned(CallWords.COUNT, np.int64)
        words[CallWords.NETWORK] = table
        words[CallWords.SCRATCH] = scratch_address
        words[CallWords.SHARE] = call.share
        words[CallWords.CHUNK] = call.chunk
        words[CallWords.PARTICIPANTS] = call.participants
        words[CallWords.ACTIVATE] = 1
        self.words = words
        self.address = int(words.ctypes.data)
        self.kernel = call.direct
        self.packing: Packing = call.packing
        self.scratch = scratch_address
        self.block = block


class CompiledPrediction:
    """Predicts by the kernels for C-contiguous NumPy arrays of the model's dtype.

    Parameters
    ----------
    predictor : Predictor
        What predicts.
    lock : SequenceLock
        Guards the parameters.
    """

    def __init__(self, predictor: Predictor, lock: SequenceLock) -> None:
        self._predictor = predictor
        self._lock = lock
        self._parameters = predictor.table.parameters
        self._table = predictor.table.address
        self._dtype = predictor.table.dtype
        self._features, self._outputs = predictor.features, predictor.outputs
        self._own = threading.local()

    def __call__(self, x: Any) -> Any:
        """Return the prediction for `x`, or None where it needs what is not done here."""
        if type(x) is not np.ndarray or x.dtype is not self._dtype or DATA_OFFSET is None:
            return None
        shape, flags = x.shape, x.flags
        if len(shape) != 2 or shape[1] != self._features or not flags.c_contiguous:
            return None
        rows = shape[0]
        if rows == 0 or not flags.aligned:
            return None
        key = rows, num_threads()
        try:
            call = self._own.calls.get(key)
        except AttributeError:
            call = None
        if call is None or call.scratch != own_scratch():
            call = self._make(key)
        lock, parameters = self._lock, self._parameters
        before = lock.sequence
        if before & 1 or lock.torn:
            return None
        if call.packing.stamp != parameters.version or parameters.stamp is None:
            call.packing.refresh()
        y = np.empty((rows, self._outputs), self._dtype)
        call.kernel(call.address, id(x) + DATA_OFFSET, rows, id(y) + DATA_OFFSET)
        return y if lock.sequence == before else None

    def rows(self, x: Any) -> Any:
        """Return the prediction for `x`, shape (rows, in_features), of the dtype."""
        x = contiguous_rows(x)
        return self._lock.read(lambda: self._predictor(x, num_threads(), activate=True))

    def _make(self, key: tuple[int, int]) -> _OwnCall:
        prepared = self._predictor.prepared(*key)
        address, block = scratch(prepared.total)
        call = _OwnCall(self._table, prepared, address, block)
        if address != own_scratch():  # too large to be kept
            return call
        calls = self._own.__dict__.setdefault("calls", {})
        if len(calls) >= _MOST_CALLS:
            calls.clear()
        calls[key] = call
        return call
