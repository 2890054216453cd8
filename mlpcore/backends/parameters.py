"""The flat parameter buffer of a model, and the leases through which it may be written.

A backend may keep copies of the parameters in another order (packed for its kernels).  They are
never stale: whoever wants to write gets views of an exporter, an object that every view keeps alive
and that the buffer holds by a weak reference only.  A backend asks for the `stamp` before it makes
a copy and before it uses one: while a lease is alive there is none, and each write makes another.
"""

import weakref
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
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

    Attributes
    ----------
    version : int
        How often the arrays were written or lent.
    """

    version = 0  # of the class, since a subclass may compute it

    def __init__(self, flat: Any, layout: Layout, lender: Lender) -> None:
        self.flat = flat
        self.layout = layout
        self.views = layout.views(flat)
        self._lender = lender
        self._leases: list[weakref.ref[Exporter]] = []

    def lease(self) -> "ParameterViews":
        """Return writable views by name; what is written through them is seen by the next call."""
        exporter = Exporter(self.flat)
        self._leases.append(weakref.ref(exporter))
        self.version += 1
        return ParameterViews(self._lender.lend(exporter), self.layout)

    @property
    def leased(self) -> bool:
        """Whether somebody holds a writable view."""
        # One by one and in place: another thread may add a lease at any moment.
        for lease in tuple(self._leases):
            if lease() is not None:
                return True
            with suppress(ValueError):
                self._leases.remove(lease)
        return False

    @property
    def stamp(self) -> int | None:
        """What the arrays hold now: equal stamps, equal values; None while they may change unseen.

        Whoever holds a view may write at any moment, so a copy made now may be stale by the next
        call.  A lease changes the stamp when it is issued, which covers whatever is written until
        its last view is gone.
        """
        return None if self._leases and self.leased else self.version

    def refresh(self) -> None:
        """Compute what the arrays hold from others, where it comes from others; here it does not.

        Called within a pass, before the arrays are read.
        """

    def changed(self) -> None:
        """Note that the arrays were written, by a step or by loading."""
        self.version += 1

    def copied(self) -> tuple[Any, dict[str, Any]]:
        """Return a copy of `flat`, made at once, and its views by name."""
        if not self.views:
            return self.flat, self.views
        flat = self.flat.copy()
        return flat, self.layout.views(flat)


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
