"""What an entry of the table of the GPU's activations is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ActivationFormula:
    """An elementwise activation and its vector-Jacobian product, as formulas of one number.

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
        ``product(kept, da, *settings)`` returns dz.
    keeps : {"z", "a"}
        What `product` needs of the forward pass: the z or the a of the element.
    settings : int
        How many settings there are, 0 or 1.
    """

    name: str
    value: Callable[..., float]
    product: Callable[..., float]
    keeps: Literal["z", "a"] = "z"
    settings: int = 0
