"""The arrays of a folded program, made anew when those that they come from have changed."""

import threading
from collections.abc import Mapping
from typing import Any

from mlpcore.backends.base import Backend
from mlpcore.backends.folding import Folding, Norm
from mlpcore.backends.forks import renew_in_child
from mlpcore.backends.layout import Layout
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.signals import deferred_signals


class FoldedParameters(ParameterBuffer):
    """The parameters of a folded program; nobody but `refresh` writes them.

    Parameters
    ----------
    folding : Folding
        How they come from others.
    parameters, state : ParameterBuffer
        The arrays of the whole program.
    backend : Backend
        Where all of them are.

    Attributes
    ----------
    state : ParameterBuffer
        The state of the folded program, which is kept fresh with the parameters.

    Notes
    -----
    A copy is never stale, by the same rules as for copies in another order: who is about to read
    calls `refresh`, and what changed meanwhile the sequence lock of the model finds out.
    """

    def __init__(
        self,
        folding: Folding,
        parameters: ParameterBuffer,
        state: ParameterBuffer,
        backend: Backend,
    ) -> None:
        program, dtype = folding.program, parameters.flat.dtype
        self._made_of: int | None = None
        self._sources = parameters, state
        self._folding = folding
        self._backend = backend
        itemsize = dtype.itemsize
        layouts = [Layout.of(arrays, itemsize) for arrays in (program.parameters, program.state)]
        with backend.active():
            flats = [backend.zeros(layout.length, dtype) for layout in layouts]
        super().__init__(flats[0], layouts[0], backend)
        self.state = ParameterBuffer(flats[1], layouts[1], backend)
        self._after_fork()
        renew_in_child(self)

    def _after_fork(self) -> None:
        """Make the lock that lets one thread fold; a fork may have come in the middle."""
        self._lock = threading.RLock()
        self._made_of = None

    @property
    def version(self) -> int:  # type: ignore[override]
        """How often the arrays that these come from were written or lent."""
        parameters, state = self._sources
        return parameters.version + state.version

    @property
    def stamp(self) -> int | None:
        """As for any parameters; None while those that these come from may change unseen."""
        parameters, state = (source.stamp for source in self._sources)
        # Neither ever falls, so equal sums are of equal stamps.
        return None if parameters is None or state is None else parameters + state

    @property
    def _stale(self) -> bool:
        stamp = self.stamp
        return stamp is None or stamp != self._made_of

    def refresh(self) -> None:
        """Make the arrays anew unless they are fresh."""
        if not self._stale:
            return
        with deferred_signals(), self._lock, self._backend.active():
            stamp = self.stamp
            if stamp is not None and stamp == self._made_of:
                return
            self._made_of = None
            self._fold()
            self._made_of = stamp

    def _fold(self) -> None:
        xp, folding = self._backend.xp, self._folding
        parameters, state = (source.views for source in self._sources)
        taken = {stage.weight for stage in folding.stages}
        for mine, given in ((self.views, parameters), (self.state.views, state)):
            for name in mine.keys() & given.keys() - taken:
                mine[name][...] = given[name]
        for stage in folding.stages:
            W = parameters[stage.weight]
            s_in, t_in = _affine(xp, stage.before, parameters, state)
            if stage.standardized is not None:
                t_in = _double(xp, parameters[stage.standardized.norm.shift])
            s_out, t_out = _affine(xp, stage.after, parameters, state)
            b = 0.0 if not stage.own_bias else _double(xp, parameters[stage.bias])
            if t_in is not None:
                b = xp.sum(W * t_in, axis=1) + b
            if s_out is not None:
                b = s_out * b + t_out
                W = W * xp.astype(s_out, W.dtype)[:, None]
            if s_in is not None:
                W = W * xp.astype(s_in, W.dtype)
            self.views[stage.weight][...] = W
            self.views[stage.bias][...] = b
            if stage.standardized is not None:
                norm, own = stage.standardized.norm, self.state.views
                own[stage.standardized.mean][...] = state[norm.mean]
                own[stage.standardized.scale][...] = _scale(xp, norm, parameters, state)


Arrays = Mapping[str, Any]


def _affine(xp: Any, norms: tuple[Norm, ...], parameters: Arrays, state: Arrays) -> tuple[Any, Any]:
    """Return s and t, in float64, of all `norms` one after the other; None where there are none."""
    s = t = None
    for norm in norms:
        own_s = _scale(xp, norm, parameters, state)
        own_t = _double(xp, parameters[norm.shift]) - _double(xp, state[norm.mean]) * own_s
        s, t = (own_s, own_t) if s is None else (own_s * s, own_s * t + own_t)
    return s, t


def _scale(xp: Any, norm: Norm, parameters: Arrays, state: Arrays) -> Any:
    variance = _double(xp, state[norm.variance])
    return _double(xp, parameters[norm.scale]) / xp.sqrt(variance + norm.eps)


def _double(xp: Any, array: Any) -> Any:
    """Return `array` in float64: folding rounds once for each number that it makes."""
    return xp.astype(array, xp.float64)
