"""What a schedule is: a formula of the number of the step, with its settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlpcore.names import unknown

Formula: TypeAlias = Callable[..., float]

_FORMULAS: dict[str, Formula] = {}
_MAKERS: dict[str, Callable[..., "Schedule"]] = {}


@dataclass(frozen=True, repr=False)
class Schedule:
    """The factor of the base learning rate in each step.

    The functions of `mlpcore.optim.schedules` make them.  A schedule remembers nothing: it may be
    asked for any step in any order, be pickled, and is itself again in another process.  Anything
    else that can be called with the number of a step does as well, but has no `config`.

    Attributes
    ----------
    kind : str
        The name of the function that made it.
    settings : tuple of (str, value)
        The arguments of that function, checked.

    Examples
    --------
    >>> from mlpcore.optim import schedules
    >>> rate = schedules.cosine(100, warmup=3)
    >>> rate
    cosine(steps=100, warmup=3, end=0.0, restarts=0, growth=1.0)
    >>> [rate(step) for step in (0, 1, 2, 3)]
    [0.25, 0.5, 0.75, 1.0]
    """

    kind: str
    settings: tuple[tuple[str, Any], ...]

    def __call__(self, step: int) -> float:
        """Return the factor of the step with this number, counted from 0."""
        return _FORMULAS[self.kind](step, **dict(self.settings))

    def config(self) -> dict[str, Any]:
        """Return the schedule as plain values for JSON; `from_config` makes it again.

        Raises
        ------
        TypeError
            If a part of it is a function of a user's own.
        """
        return {"kind": self.kind} | {name: _plain(value) for name, value in self.settings}

    def __repr__(self) -> str:
        shown: list[str] = []
        for name, value in self.settings:
            if name == "parts":
                shown += map(repr, value)
            else:
                shown.append(f"{name}={value!r}")
        return f"{self.kind}({', '.join(shown)})"


Part: TypeAlias = Callable[[int], float]
"""A schedule, or another function of the number of the step."""


def register(kind: str, formula: Formula) -> Callable[..., Any]:
    """Return a decorator for the function that checks the settings of `formula`."""

    def keep(maker: Callable[..., "Schedule"]) -> Callable[..., "Schedule"]:
        _FORMULAS[kind], _MAKERS[kind] = formula, maker
        return maker

    return keep


def made(kind: str, **settings: Any) -> Schedule:
    """Return the schedule of a kind with settings that are checked."""
    return Schedule(kind, tuple(settings.items()))


def from_config(config: Mapping[str, Any]) -> Schedule:
    """Return the schedule that `Schedule.config` described.

    Raises
    ------
    TypeError, ValueError
        If `config` describes none.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("kind"), str):
        raise TypeError(f"a schedule is described by a mapping with its kind, got {config!r}")
    settings = dict(config)
    kind = settings.pop("kind")
    if kind not in _MAKERS:
        raise unknown("schedule", kind, _MAKERS)
    parts = [from_config(part) for part in settings.pop("parts", ())]
    return _MAKERS[kind](*parts, **settings)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Schedule):
        return value.config()
    if callable(value):
        raise TypeError(f"{value!r} is no schedule of the library and has no config")
    return value
