"""The network of an `MLP`: what the arguments of its constructor stand for.

A hidden layer is, in this order,

    Dense -> norm -> activation -> residual connection -> dropout

and each but the first two may be missing.  The last layer is a Dense, with an activation if the
user names one for every layer, and never has any of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from mlpcore.kernels.reference.operation import Operation
from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Standardize,
)
from mlpcore.kernels.reference.settings import not_negative, rate
from mlpcore.lazy_imports import lazy_module
from mlpcore.names import unknown
from mlpcore.network import Network, check_sizes, perceptron
from mlpcore.nn.activations import ActivationSpec
from mlpcore.nn.activations import activation as resolve_activation

if TYPE_CHECKING:
    from mlpcore.nn import initializers
else:
    initializers = lazy_module("mlpcore.nn.initializers")

__all__ = ["NormSpec", "architecture"]

NormSpec: TypeAlias = str | BatchNorm | LayerNorm | None
"""``"batch"``, ``"layer"``, one of the two with settings of its own, or None."""

NORMS: Mapping[str, BatchNorm | LayerNorm] = {"batch": BatchNorm(), "layer": LayerNorm()}
"""The normalisations by name."""


def architecture(
    sizes: Sequence[int],
    activation: ActivationSpec | Sequence[ActivationSpec],
    output: ActivationSpec,
    *,
    bias: bool = True,
    initializer: initializers.InitializerSpec = "auto",
    norm: NormSpec = None,
    residual: bool = False,
    dropout: float | Sequence[float] = 0.0,
    standardize: bool = False,
    input_noise: float = 0.0,
    input_dropout: float = 0.0,
) -> Network:
    """Return the network that these arguments of `MLP` describe.

    Raises
    ------
    ValueError
        If a width, name or number of activations or rates does not fit, a rate is outside [0, 1),
        or there is no pair of hidden layers that a residual connection could join.
    TypeError
        If an argument is of another kind.
    """
    widths = check_sizes(sizes)
    hidden = len(widths) - 2
    _check_residual(residual, widths)
    return perceptron(
        widths,
        _activations(activation, hidden),
        resolve_activation(output),
        bias=bias,
        initializer=initializer,
        before=_at_the_input(standardize, input_noise, input_dropout),
        norm=_norm(norm),
        residual=residual,
        dropout=_rates(dropout, hidden),
    )


def _activations(
    spec: ActivationSpec | Sequence[ActivationSpec], hidden: int
) -> tuple[Activation, ...]:
    """Return one activation for each hidden layer, or those of a sequence as they are."""
    pair = isinstance(spec, tuple) and len(spec) == 2 and all(map(callable, spec))
    if isinstance(spec, list | tuple) and not pair:
        return tuple(resolve_activation(each) for each in spec)
    return (resolve_activation(cast("ActivationSpec", spec)),) * hidden


def _at_the_input(standardize: bool, noise: float, dropped: float) -> tuple[Operation, ...]:
    """Return what comes before the first layer: noise and dropout act on standardised numbers."""
    std, share = not_negative(noise, "input_noise"), rate(dropped, "input_dropout")
    _check_truth(standardize, "standardize")
    found: list[Operation] = [Standardize()] if standardize else []
    if std:
        found.append(GaussianNoise(std))
    if share:
        found.append(Dropout(share))
    return tuple(found)


def _norm(spec: NormSpec) -> BatchNorm | LayerNorm | None:
    if spec is None or isinstance(spec, BatchNorm | LayerNorm):
        return spec
    if not isinstance(spec, str):
        raise TypeError(f"norm must be a name, a BatchNorm, a LayerNorm or None, got {spec!r}")
    if spec not in NORMS:
        raise unknown("norm", spec, NORMS)
    return NORMS[spec]


def _check_residual(residual: Any, widths: tuple[int, ...]) -> None:
    _check_truth(residual, "residual")
    hidden = widths[1:-1]
    if residual and not any(a == b for a, b in pairwise(hidden)):
        raise ValueError(
            "residual=True joins hidden layers that follow each other with equal widths, but "
            f"the widths of the hidden layers are {list(hidden)}"
        )


def _check_truth(value: Any, name: str) -> None:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def _rates(spec: float | Sequence[float], hidden: int) -> tuple[float, ...]:
    """Return the rate of dropout of each hidden layer."""
    if not isinstance(spec, list | tuple):
        return (rate(spec, "dropout"),) * hidden
    if len(spec) != hidden:
        raise ValueError(
            f"dropout needs one rate for each of the {hidden} hidden layers, got {len(spec)}"
        )
    return tuple(rate(each, f"dropout[{i}]") for i, each in enumerate(spec))
