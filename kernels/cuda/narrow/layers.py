"""What a narrow kernel is compiled for: the layers of a network and where their parameters lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..activations import FORMULAS

WIDEST = 128
"""The most inputs and outputs of a layer."""


@dataclass(frozen=True)
class NarrowLayer:
    """One layer.

    Attributes
    ----------
    inputs, outputs : int
        The sizes of W, from 1 to `WIDEST`.
    activation : str
        A name in `kernels.cuda.activations.FORMULAS`.
    weight : int
        Where W, shape (outputs, inputs), begins in the flat array of parameters, in numbers.
    bias : int or None
        Where b, shape (outputs,), begins there, or None for no bias.
    setting : float
        The slope, alpha or omega of an activation that has one.
    """

    inputs: int
    outputs: int
    activation: str
    weight: int
    bias: int | None = None
    setting: float = 0.0

    @property
    def end(self) -> int:
        """The least length of an array of parameters that has those of this layer."""
        end = self.weight + self.inputs * self.outputs
        return end if self.bias is None else max(end, self.bias + self.outputs)

    @property
    def is_linear(self) -> bool:
        """Whether a is z."""
        return self.activation == "identity"


def check_layers(layers: Sequence[NarrowLayer]) -> None:
    """Raise ValueError unless the layers follow one another and are ones that a kernel can have."""
    if not layers:
        raise ValueError("a network needs at least one layer")
    for number, layer in enumerate(layers):
        if not (1 <= layer.inputs <= WIDEST and 1 <= layer.outputs <= WIDEST):
            raise ValueError(
                f"layer {number} has {layer.inputs} inputs and {layer.outputs} outputs; "
                f"expected from 1 to {WIDEST}"
            )
        if layer.activation not in FORMULAS:
            raise ValueError(f"layer {number} has the unknown activation {layer.activation!r}")
        if min(layer.weight, layer.bias or 0) < 0:
            raise ValueError(f"the parameters of layer {number} begin before their array")
        if number and layer.inputs != layers[number - 1].outputs:
            raise ValueError(
                f"layer {number} has {layer.inputs} inputs, but the layer before has "
                f"{layers[number - 1].outputs} outputs"
            )
