"""What an entry of the table of activations is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..operation import Scope
from ..settings import positive, real
from ..typing import Array, Namespace


@dataclass(frozen=True)
class ActivationFunction:
    """A function a = f(z) with its derivative and its vector-Jacobian product.

    `forward`, `derivative` and `backward` take the array namespace first and settings by keyword,
    and return arrays in the shape and dtype of `z`.  They are right over all finite inputs, have
    their limits at infinity and give NaN for NaN.  At a kink the derivative is the one from the
    left, so that of ReLU at 0 is 0.

    Attributes
    ----------
    name : str
        The name in the table.
    forward : callable
        ``forward(xp, z, **settings)`` returns a = f(z).
    derivative : callable or None
        ``derivative(xp, z, a, **settings)`` returns f'(z), of elementwise functions only.
    product : callable or None
        ``product(xp, z, a, da, **settings)`` returns dz where that is more than da * f'(z):
        functions of a whole row, and those that are constant over an interval, whose zero holds
        whatever `da` is.
    scope : Scope
        Tile for elementwise functions, row for those of a whole row.
    defaults : mapping of str to float
        The settings and the values they have when none is given.
    positive : tuple of str
        The settings that something is divided by, which must be above 0.
    """

    name: str
    forward: Callable[..., Array]
    derivative: Callable[..., Array] | None = None
    product: Callable[..., Array] | None = None
    scope: Scope = Scope.TILE
    defaults: Mapping[str, float] = field(default_factory=dict, hash=False)
    positive: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.derivative is None and self.product is None:
            raise ValueError(f"activation {self.name!r} has neither a derivative nor a product")

    def checked(self, settings: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
        """Return `settings` as floats sorted by name, without those at their defaults.

        Raises
        ------
        TypeError
            For an unknown setting, or one that is no number.
        ValueError
            For a setting that is not finite, or must be positive and is not.
        """
        given = {}
        for key, value in settings.items():
            if key not in self.defaults:
                known = ", ".join(self.defaults) or "none"
                raise TypeError(f"activation {self.name!r} has no setting {key!r}; it has: {known}")
            check = positive if key in self.positive else real
            given[key] = check(value, f"{key} of {self.name!r}")
        return tuple(sorted(item for item in given.items() if item[1] != self.defaults[item[0]]))

    def backward(self, xp: Namespace, z: Array, a: Array, da: Array, **settings: float) -> Array:
        """Return dz, the vector-Jacobian product of f at `z` with `da`.

        Parameters
        ----------
        xp : Namespace
            The array namespace.
        z, a : Array
            Input and result of `forward`.
        da : Array
            The gradient of the result, in the shape of `a`.
        **settings : float
            The settings that `forward` was given.
        """
        if self.product is not None:
            return self.product(xp, z, a, da, **settings)
        assert self.derivative is not None  # by __post_init__
        return da * self.derivative(xp, z, a, **settings)
