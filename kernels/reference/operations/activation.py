"""An activation as an operation of a stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..activations import ACTIVATIONS, ActivationFunction
from ..operation import Call, Operation, Scope
from ..typing import Array


@dataclass(frozen=True)
class Activation(Operation):
    """a = f(z), with f from the table of activations or a user's own.

    Attributes
    ----------
    name : str
        The name in the table, or the name that a user gave to a function of their own.
    settings : tuple of (str, float)
        Settings of f, such as the slope of a leaky ReLU: sorted by name and without those at their
        defaults, so that equal activations compare equal.
    custom : ActivationFunction or None
        The function itself when it is a user's own.

    Raises
    ------
    ValueError
        If the table has no function of this name, a setting is not finite or must be positive.
    TypeError
        If f has no setting of a name, or one is no number.
    """

    kind: ClassVar[str] = "activation"

    name: str
    settings: tuple[tuple[str, float], ...] = ()
    custom: ActivationFunction | None = None

    def __post_init__(self) -> None:
        if self.custom is None and self.name not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ValueError(f"unknown activation {self.name!r}; known are {known}")
        object.__setattr__(self, "settings", self.function.checked(dict(self.settings)))

    @property
    def function(self) -> ActivationFunction:
        """The forward and backward functions."""
        return ACTIVATIONS[self.name] if self.custom is None else self.custom

    def scope(self, training: bool) -> Scope:  # noqa: ARG002
        """Tile for elementwise functions, row for softmax and log-softmax."""
        return self.function.scope

    def forward(self, call: Call, x: Array) -> Array:
        """Return a = f(z)."""
        a = self.function.forward(call.xp, x, **dict(self.settings))
        call.save(z=x, a=a)
        return a

    def backward(self, call: Call, dy: Array) -> Array:
        """Return dz, the vector-Jacobian product of f with da."""
        z, a = call.recall("z"), call.recall("a")
        return self.function.backward(call.xp, z, a, dy, **dict(self.settings))

    def config(self) -> dict[str, Any]:
        """Return name and settings; raise ValueError for a user's own function."""
        if self.custom is not None:
            raise ValueError(
                f"activation {self.name!r} is a function of your own, which a file cannot hold"
            )
        return {"kind": self.kind, "name": self.name, "settings": dict(self.settings)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Activation":
        """Return the activation that `config` describes; raise ValueError if it describes none."""
        try:
            kind, name, settings = (config[key] for key in ("kind", "name", "settings"))
            if kind != cls.kind or len(config) != 3:
                raise ValueError(f"not the description of an activation: {config!r}")
            return cls(name, tuple(settings.items()))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the description of an activation: {error}") from error

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={value:g}" for key, value in self.settings)
        return f"{self.name}({inside})" if inside else self.name
