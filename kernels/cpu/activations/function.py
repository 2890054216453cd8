"""What an entry of the table of the CPU's activations is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..codegen.function import Function
from ..codegen.values import Real


@dataclass(frozen=True)
class ActivationEmitter:
    """An elementwise activation and its vector-Jacobian product, as vector instructions.

    Both mean what the entry of the same name in `kernels.reference.activations` means: right over
    all finite inputs, the limits at infinity, NaN for NaN, the derivative from the left at a kink,
    and a zero that holds whatever `da` is where the reference has a `product`.

    Attributes
    ----------
    name : str
        The name in the table.
    value : callable
        ``value(z, *settings)`` returns a.
    product : callable
        ``product(z, da, *settings)``, or with a in the place of z, or without either, as `keeps`
        says, returns dz.
    keeps : {"z", "a"} or None
        What `product` needs of the forward pass.

    Notes
    -----
    The settings are vectors with one number in every lane, in the sorted order of the names of the
    reference's `defaults`.
    """

    name: str
    value: Callable[..., Real]
    product: Callable[..., Real]
    keeps: Literal["z", "a"] | None = "z"

    def forward(self, f: Function, z: Real, settings: Sequence[Real]) -> Real:  # noqa: ARG002
        """Return a = f(z)."""
        return self.value(z, *settings)

    def backward(
        self,
        f: Function,  # noqa: ARG002
        z: Real | None,
        a: Real | None,
        da: Real,
        settings: Sequence[Real],
    ) -> Real:
        """Return dz = da * f'(z); of z and a, only what `keeps` names need be given."""
        kept: list[Any] = [] if self.keeps is None else [z if self.keeps == "z" else a]
        return self.product(*kept, da, *settings)
