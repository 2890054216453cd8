"""What a network is: a frozen sequence of dense layers and the operations between them."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from mlpcore.cached import cached_property
from mlpcore.checks import whole_number
from mlpcore.kernels.reference.operation import Operation
from mlpcore.kernels.reference.operations import OPERATIONS, Activation, Dropout, Residual

OUTPUTS = ("identity", "softmax", "sigmoid", "log_softmax")
"""What `Network.output` may be; each has a loss that takes the logits before it."""

SCHEMA = 1
"""The version of `Network.config`; a reader refuses any other."""


@dataclass(frozen=True)
class Dense:
    """The matrix product of a layer, z = x Wᵀ, with an optional bias after it.

    Attributes
    ----------
    in_features, out_features : int
        The widths: W has the shape (out_features, in_features).
    bias : bool
        Whether the layer adds a bias to each output.
    initializer : str or callable
        The name of the initialiser, ``"auto"`` for the one that suits the activation after it, or a
        function of a user's own.

    Raises
    ------
    ValueError
        If a width is less than 1.
    TypeError
        If a width is no whole number, `bias` no boolean, or `initializer` no name or function.
    """

    in_features: int
    out_features: int
    bias: bool = True
    initializer: str | Callable[..., Any] = "auto"

    def __post_init__(self) -> None:
        for name in ("in_features", "out_features"):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, 1))
        if not isinstance(self.bias, bool | np.bool_):
            raise TypeError(f"bias must be True or False, got {self.bias!r}")
        object.__setattr__(self, "bias", bool(self.bias))
        if not isinstance(self.initializer, str) and not callable(self.initializer):
            raise TypeError(f"initializer must be a name or a function, got {self.initializer!r}")

    def config(self) -> dict[str, Any]:
        """Return the layer as plain values for JSON."""
        # A file holds the weights, not how they began, so nothing is lost with a function.
        initializer = self.initializer if isinstance(self.initializer, str) else "auto"
        return {
            "kind": "dense",
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self.bias,
            "initializer": initializer,
        }


Layer: TypeAlias = Dense | Operation


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron as a description: no arrays, no device, no dtype.

    Attributes
    ----------
    layers : tuple of Dense and Operation
        In the order in which they are applied.  At least one is a `Dense`.
    output : Activation
        What prediction applies to the logits: identity, softmax, sigmoid or log_softmax.

    Raises
    ------
    ValueError
        If there is no dense layer, the width of one layer does not fit the next, or `output` is
        none of the four.
    TypeError
        If one of `layers` is no layer, or `output` no activation.
    """

    layers: tuple[Layer, ...]
    output: Activation = field(default_factory=lambda: Activation("identity"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        for place, layer in enumerate(self.layers):
            if not isinstance(layer, Dense | Operation):
                raise TypeError(f"layer {place} is neither Dense nor an Operation: {layer!r}")
        if not isinstance(self.output, Activation):
            raise TypeError(f"output must be an Activation, got {self.output!r}")
        if not self.dense:
            raise ValueError("a network needs at least one layer: give two widths or more")
        if self.output.custom is not None or self.output.name not in OUTPUTS:
            raise ValueError(
                f"output={str(self.output)!r} is none of {', '.join(OUTPUTS)}; any other function "
                "of the last layer belongs inside the network: give `activation` one entry for "
                "every layer"
            )
        self._check_widths()

    def _check_widths(self) -> None:
        """Follow the width of the result from layer to layer."""
        width = self.in_features
        results: list[int] = []  # the widths of what each dense layer and all behind it gives
        stage = -1
        for place, layer in enumerate(self.layers):
            if isinstance(layer, Dense):
                if layer.in_features != width:
                    raise ValueError(
                        f"layer {place} takes {layer.in_features} features, but {width} come to it"
                    )
                if stage >= 0:
                    results.append(width)
                stage += 1
                width = layer.out_features
            else:
                sources = layer.sources(max(stage, 0))
                if sources and all(0 <= source < len(results) for source in sources):
                    layer.check_sources(width, [results[source] for source in sources])
                width = layer.out_features(width)

    @cached_property
    def dense(self) -> tuple[Dense, ...]:
        """The dense layers alone."""
        return tuple(layer for layer in self.layers if isinstance(layer, Dense))

    @property
    def in_features(self) -> int:
        """The width of the input."""
        return self.dense[0].in_features

    @property
    def widths(self) -> tuple[int, ...]:
        """The width of the input, then of each dense layer's result."""
        return (self.in_features, *(layer.out_features for layer in self.dense))

    def config(self) -> dict[str, Any]:
        """Return the network as plain values for JSON; `from_config` is its inverse.

        Raises
        ------
        ValueError
            If an activation is a user's own function.
        """
        return {
            "schema": SCHEMA,
            "layers": [layer.config() for layer in self.layers],
            "output": self.output.config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Network":
        """Return the network that `config` describes.

        Raises
        ------
        ValueError
            If `config` is of another schema or does not describe a network.
        """
        if not isinstance(config, Mapping):
            raise ValueError(f"not the description of a network: {config!r}")
        schema = config.get("schema")
        if type(schema) is not int or schema != SCHEMA:  # True is equal to 1, but is no version
            raise ValueError(f"the network has schema {schema!r}; this version reads {SCHEMA}")
        try:
            layers = tuple(_layer(entry) for entry in config["layers"])
            return cls(layers, Activation.from_config(config["output"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the description of a network: {error!r}") from error


def check_sizes(sizes: Iterable[int]) -> tuple[int, ...]:
    """Return the widths of a network as plain integers.

    Parameters
    ----------
    sizes : iterable of int
        The width of the input, then of each layer: a sequence, an array of one axis, a generator.

    Raises
    ------
    ValueError
        If there are fewer than two widths, or one is less than 1.
    TypeError
        If `sizes` is nothing of the kind, or a width is no whole number.
    """
    unordered = isinstance(sizes, str | bytes | bytearray | Mapping | Set)
    if unordered or not isinstance(sizes, Iterable) or getattr(sizes, "ndim", 1) != 1:
        raise TypeError(f"sizes must be a sequence of widths such as [784, 128, 10], got {sizes!r}")
    given = list(sizes)
    if len(given) < 2:
        raise ValueError(
            f"sizes needs the width of the input and of at least one layer, got {given}"
        )
    return tuple(whole_number(size, f"sizes[{i}]", 1) for i, size in enumerate(given))


def perceptron(
    sizes: Iterable[int],
    activations: Sequence[Activation],
    output: Activation,
    *,
    bias: bool = True,
    initializer: str | Callable[..., Any] = "auto",
    before: Sequence[Operation] = (),
    norm: Operation | None = None,
    residual: bool = False,
    dropout: Sequence[float] = (),
) -> Network:
    """Return the network of `sizes` with one activation after each layer.

    A hidden layer is a `Dense`, `norm`, an activation, a `Residual` and a `Dropout`, in this order.

    Parameters
    ----------
    sizes : iterable of int
        The width of the input, then of each layer, as `check_sizes` takes them.
    activations : sequence of Activation
        One for every layer, or one fewer: then the last layer has none and gives the logits.
    output : Activation
        What prediction applies to the logits.
    bias : bool
        Whether every layer has a bias.
    initializer : str or callable
        The initialiser of every weight.
    before : sequence of Operation
        What is applied to the input first.
    norm : Operation, optional
        What normalises each hidden layer.
    residual : bool
        Whether a hidden layer as wide as the hidden layer before it adds that one's result.
    dropout : sequence of float
        The rate of each hidden layer, or none at all.

    Raises
    ------
    ValueError
        If `sizes` has fewer than two widths, a width is not positive, the number of activations
        fits neither count, or the number of rates is not that of the hidden layers.
    TypeError
        If a width is not an integer, or an argument is of another kind.
    """
    widths = check_sizes(sizes)
    count = len(widths) - 1
    if len(activations) not in (count - 1, count):
        raise ValueError(
            f"{count} layers take {count - 1} activations (hidden layers) or {count} "
            f"(every layer), got {len(activations)}"
        )
    if dropout and len(dropout) != count - 1:
        raise ValueError(f"{count - 1} hidden layers take as many rates, got {len(dropout)}")
    layers: list[Layer] = list(before)
    for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
        hidden = i < count - 1
        layers.append(Dense(fan_in, fan_out, bias, initializer))
        if hidden and norm is not None:
            layers.append(norm)
        if i < len(activations):
            layers.append(activations[i])
        if hidden and residual and i > 0 and fan_in == fan_out:
            layers.append(Residual())
        if hidden and dropout and dropout[i]:
            layers.append(Dropout(dropout[i]))
    return Network(tuple(layers), output)


def _layer(entry: Mapping[str, Any]) -> Layer:
    kind = entry["kind"]
    if kind == "dense":
        return Dense(**{key: value for key, value in entry.items() if key != "kind"})
    if kind not in OPERATIONS:
        raise ValueError(
            f"unknown kind of layer {kind!r}; known are dense, {', '.join(OPERATIONS)}"
        )
    return OPERATIONS[kind].from_config(entry)
