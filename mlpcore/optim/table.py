"""Optimizers by name."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias

from mlpcore.names import unknown

from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam
from .adamw import AdamW
from .base import Optimizer
from .lion import Lion
from .nadam import NAdam
from .radam import RAdam
from .rmsprop import RMSprop
from .sgd import SGD

OptimizerSpec: TypeAlias = str | Optimizer
"""A name, or an optimizer."""

_NAMED: Mapping[str, Optimizer] = {
    "sgd": SGD(),
    "momentum": SGD(momentum=0.9),
    "nesterov": SGD(momentum=0.9, nesterov=True),
    "adam": Adam(),
    "adamw": AdamW(),
    "nadam": NAdam(),
    "radam": RAdam(),
    "rmsprop": RMSprop(),
    "adagrad": Adagrad(),
    "adadelta": Adadelta(),
    "lion": Lion(),
}


def names() -> tuple[str, ...]:
    """Return the names of all optimizers."""
    return tuple(_NAMED)


def optimizer(spec: OptimizerSpec, /, **settings: Any) -> Optimizer:
    """Return the optimizer that `spec` describes.

    Parameters
    ----------
    spec : str or Optimizer
        ``"sgd"``; ``"momentum"`` and ``"nesterov"``, which are `SGD` with momentum 0.9; ``"adam"``,
        ``"adamw"``, ``"nadam"``, ``"radam"``, ``"rmsprop"``, ``"adagrad"``, ``"adadelta"``,
        ``"lion"``; or an optimizer.
    **settings
        Settings in place of the optimizer's own, such as ``lr``.

    Returns
    -------
    Optimizer
        The optimizer.

    Raises
    ------
    ValueError
        For an unknown name or a setting that is out of range.
    TypeError
        For an unknown setting, a setting that is no number, a `spec` of another kind.

    Examples
    --------
    >>> optimizer("momentum", lr=0.1)
    SGD(lr=0.1, momentum=0.9, nesterov=False)
    """
    if isinstance(spec, str):
        if spec not in _NAMED:
            raise unknown("optimizer", spec, _NAMED)
        base = _NAMED[spec]
    elif isinstance(spec, Optimizer):
        base = spec
    else:
        raise TypeError(f"an optimizer is a name or an Optimizer, got {_described(spec)}")
    known = [field.name for field in fields(base)]
    for name in settings:
        if name not in known:
            raise TypeError(f"{base.kind!r} has no setting {name!r}; it has: {', '.join(known)}")
    return replace(base, **settings)


def _described(spec: Any) -> str:
    if isinstance(spec, type):
        return f"the class {spec.__name__}: make one of it, {spec.__name__}()"
    return type(spec).__name__
