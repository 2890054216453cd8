"""The flat parameter buffer of a model, and the leases through which it may be written.

A backend may keep copies of the parameters in another order (packed for its kernels).  They are
never stale: whoever wants to write gets views of an exporter, an object that every view keeps alive
and that the buffer holds by a weak reference only.  Issuing one marks the buffer dirty; a backend
asks `take_dirty` before each call and packs again if the answer is yes.  The mark is cleared only
if no lease was alive at that moment.
"""

import weakref
from collections.abc import Iterator, MutableMapping
from typing import Any, Protocol

import numpy as np

from mlpcore.backends.arrays import bring_in, kind_of, send_back
from mlpcore.backends.layout import Layout


class Exporter:
    """What the views of one lease keep alive."""

    __slots__ = ("__array_interface__", "__weakref__", "flat")

    __array_interface__: Any
    """Set by a backend whose arrays NumPy can read: it makes ``np.asarray`` keep the exporter."""

    def __init__(self, flat: Any) -> None:
        self.flat = flat


class Lender(Protocol):
    """Whoever can make a view of a flat array whose base is an exporter: a backend."""

    def lend(self, exporter: Exporter) -> Any:
        """Return a writable view of ``exporter.flat`` that keeps `exporter` alive."""


class ParameterBuffer:
    """One contiguous array that holds every named array of a model.

    Parameters
    ----------
    flat : array, shape (layout.length,)
        The storage, zero in the holes.
    layout : Layout
        Where each array lies.
    lender : Lender
        The backend that `flat` belongs to.
    """

    def __init__(self, flat: Any, layout: Layout, lender: Lender) -> None:
        self.flat = flat
        self.layout = layout
        self.views = layout.views(flat)
        self._lender = lender
        self._exporters: weakref.WeakSet[Exporter] = weakref.WeakSet()
        self._dirty = True

    def lease(self) -> "ParameterViews":
        """Return writable views by name; what is written through them is seen by the next call."""
        exporter = Exporter(self.flat)
        self._exporters.add(exporter)
        self._dirty = True
        return ParameterViews(self._lender.lend(exporter), self.layout)

    @property
    def leased(self) -> bool:
        """Whether somebody holds a writable view."""
        return bool(self._exporters)

    def take_dirty(self) -> bool:
        """Return whether copies must be made again, and clear the mark if no lease is alive.

        Needs no lock: the mark is cleared before the leases are counted, and a lease is counted
        before it sets the mark, so whichever way two threads meet, a write to come leaves a mark.
        """
        dirty, self._dirty = self._dirty, False
        if self.leased:
            self._dirty = True
        return dirty or self._dirty

    def changed(self) -> None:
        """Note that the arrays were written, by a step or by loading."""
        self._dirty = True


class ParameterViews(MutableMapping[str, Any]):
    """Named writable views of a model's parameters, in the order of the network.

    ``views[name][...] = w`` and ``views[name] = w`` both write into the model.  Nothing can be
    added or removed.
    """

    def __init__(self, flat: Any, layout: Layout) -> None:
        self._flat = flat
        self._layout = layout

    def __getitem__(self, name: str) -> Any:
        if name not in self._layout.slots:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(self._layout.names)}")
        return self._layout.slots[name].view(self._flat)

    def __setitem__(self, name: str, value: Any) -> None:
        view, kind = self[name], kind_of(value)
        array = bring_in(value, kind)
        if array.shape not in ((), view.shape):
            raise ValueError(f"{name} has shape {view.shape}, got {tuple(array.shape)}")
        with np.errstate(all="ignore"):  # narrowing to the model's dtype may overflow
            view[...] = send_back(array, kind_of(view))

    def __delitem__(self, name: str) -> None:
        raise TypeError("the parameters of a model cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.names)

    def __len__(self) -> int:
        return len(self._layout.names)

    def __repr__(self) -> str:
        return f"ParameterViews({', '.join(f'{n}: {s.shape}' for n, s in self._layout.items())})"
