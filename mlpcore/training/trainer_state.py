"""What a trainer remembers, as a flat mapping of NumPy arrays and plain values, and back.

Arrays are held parameter by parameter, so that an error can name the one that does not fit, and so
that nothing depends on how the flat buffer is laid out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.backends.arrays import NUMPY, bring_in, kind_of, send_back
from mlpcore.checks import not_negative, positive, whole_number
from mlpcore.signals import deferred_signals

if TYPE_CHECKING:
    from mlpcore.training.trainer import Trainer

FORMAT = 1
"""The number of this layout; a state with a larger one was written by a later version."""


@dataclass(frozen=True)
class Ready:
    """A state that fits a trainer.

    Attributes
    ----------
    values : mapping of str to object
        The plain values.
    vectors : mapping of str to ndarray
        The flat vectors, in the layout and dtype of the parameters, by the names of `_vectors`.
    """

    values: Mapping[str, Any]
    vectors: Mapping[str, np.ndarray[Any, Any]]


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Return the state of a trainer; see `Trainer.state_dict`."""
    bound, accumulation, average = trainer.bound, trainer._parts.accumulation, trainer.average
    found: dict[str, Any] = {
        "format": FORMAT,
        "optimizer": trainer.optimizer.config(),
        "lr": trainer.lr,
        "seed": trainer._seed,
        "steps": trainer.steps,
        "skipped": trainer.skipped,
        "accumulate": trainer.options.accumulate,
        "average": None if average is None else average.rule.config(),
    }
    if accumulation is not None:
        found["accumulated.batches"] = accumulation.batches
        found["accumulated.rows"] = accumulation.rows
        found["accumulated.weight"] = float(accumulation.weight)
    if average is not None:
        found["average.taken"] = average.taken
    with bound.backend.active():
        for prefix, flat in _vectors(trainer).items():
            host = np.array(bound.backend.to_host(flat))
            for name, view in bound.parameters.layout.views(host).items():
                found[f"{prefix}.{name}"] = view.copy()
    return found


def check_state(trainer: Trainer, state: Mapping[str, Any]) -> Ready:
    """Return `state` as it will be put into a trainer.

    Raises
    ------
    TypeError, ValueError
        If it is no state of such a trainer.
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            "the state of a trainer is a mapping, as state_dict returns, "
            f"got {type(state).__name__}"
        )
    _check_format(state)
    _check_same(state, "optimizer", trainer.optimizer.config(), besides="lr")
    _check_same(state, "accumulate", trainer.options.accumulate)
    average = trainer.average
    _check_same(state, "average", None if average is None else average.rule.config())
    values = {
        "lr": positive(_of(state, "lr"), "lr"),
        **{name: whole_number(_of(state, name), name, 0) for name in ("seed", "steps", "skipped")},
    }
    if trainer._parts.accumulation is not None:
        for name in ("accumulated.batches", "accumulated.rows"):
            values[name] = whole_number(_of(state, name), name, 0)
        name = "accumulated.weight"
        values[name] = not_negative(_of(state, name), name)
    if average is not None:
        values["average.taken"] = whole_number(_of(state, "average.taken"), "average.taken", 0)
    vectors = {prefix: _vector(trainer, state, prefix) for prefix in _vectors(trainer)}
    names = trainer.bound.parameters.layout.names
    known = {*values, "format", "optimizer", "accumulate", "average"}
    known |= {f"{prefix}.{name}" for prefix in vectors for name in names}
    more = [str(name) for name in state if name not in known]
    if more:
        raise ValueError(
            f"the state holds {', '.join(map(repr, more[:4]))}{', ...' if len(more) > 4 else ''}, "
            "which this trainer has not: it belongs to another network or another trainer"
        )
    return Ready(values, vectors)


def put_state(trainer: Trainer, ready: Ready) -> None:
    """Let a trainer continue where `ready` was taken.

    Raises
    ------
    RuntimeError
        In the middle of a step, or in `averaged`.
    """
    with trainer._turn:
        trainer._refuse_now()
        with trainer.bound.backend.active(), deferred_signals():
            _put(trainer, ready)


def _put(trainer: Trainer, ready: Ready) -> None:
    xp, values = trainer.bound.backend.xp, ready.values
    on_device = {prefix: xp.asarray(vector) for prefix, vector in ready.vectors.items()}
    for prefix, flat in _vectors(trainer).items():
        flat[...] = on_device[prefix]
    trainer._lr, trainer._seed = values["lr"], values["seed"]
    trainer.steps, trainer.skipped = values["steps"], values["skipped"]
    accumulation, average = trainer._parts.accumulation, trainer.average
    if accumulation is not None:
        accumulation.batches = values["accumulated.batches"]
        accumulation.rows = values["accumulated.rows"]
        accumulation.weight = values["accumulated.weight"]
    if average is not None:
        average.taken = values["average.taken"]


def _vectors(trainer: Trainer) -> dict[str, Any]:
    """Return the flat vectors of a trainer, by the beginning of their names in a state."""
    found = {f"moments.{name}": flat for name, flat in trainer._moments.items()}
    if trainer._parts.accumulation is not None:
        found["accumulated.gradient"] = trainer._parts.accumulation.mean
    if trainer.average is not None:
        found["average"] = trainer.average.flat
    return found


def _vector(trainer: Trainer, state: Mapping[str, Any], prefix: str) -> np.ndarray[Any, Any]:
    """Return the flat vector whose arrays stand in `state` under names that begin with `prefix`."""
    layout, dtype = trainer.bound.parameters.layout, trainer.bound.dtype
    flat = np.zeros(layout.length, dtype)
    for own, view in layout.views(flat).items():
        name = f"{prefix}.{own}"
        given = _of(state, name)
        kind = kind_of(given)
        array = send_back(bring_in(given, kind), NUMPY)
        if array.shape != view.shape:
            raise ValueError(
                f"{name} has shape {array.shape}, but {own} of this network {view.shape}"
            )
        if array.dtype != dtype:
            raise ValueError(f"{name} has dtype {array.dtype}, but the model {dtype}")
        view[...] = array
    return flat


def _of(state: Mapping[str, Any], name: str) -> Any:
    if name not in state:
        raise ValueError(
            f"the state has no {name!r}: it belongs to another network, another trainer, or is "
            "not whole"
        )
    return state[name]


def _check_format(state: Mapping[str, Any]) -> None:
    found = whole_number(_of(state, "format"), "format", 1)
    if found > FORMAT:
        raise ValueError(
            f"the state has format {found}, but this version knows formats up to {FORMAT}"
        )


def _check_same(state: Mapping[str, Any], name: str, own: Any, besides: str = "") -> None:
    """Raise ValueError unless the state was written with the same plain setting."""
    found = _of(state, name)
    if isinstance(found, Mapping) and isinstance(own, Mapping):
        differing = [
            key
            for key in {**own, **found}
            if key != besides and found.get(key, ...) != own.get(key, ...)
        ]
        if not differing:
            return
        key = "kind" if "kind" in differing else differing[0]
        raise ValueError(
            f"the state was written with {name} {found.get('kind')!r}, {key}={found.get(key)!r}, "
            f"but this trainer has {own.get('kind')!r}, {key}={own.get(key)!r}"
        )
    if found != own:
        raise ValueError(
            f"the state was written with {name}={found!r}, but this trainer has {own!r}"
        )
