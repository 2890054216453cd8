"""A forward pass step by step: every array between input and prediction, and what it looks like."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from mlpcore.backends.arrays import bring_in, kind_of
from mlpcore.backends.base import Mode
from mlpcore.batch import take
from mlpcore.inspect.layers import layer_name, operations, product
from mlpcore.inspect.statistics import Statistics, statistics
from mlpcore.inspect.table import table

if TYPE_CHECKING:
    from mlpcore.model_base import Model

SCHEMA = 1
"""The version of `Trace.as_dict`."""


@dataclass(frozen=True)
class TraceStep:
    """One array of the forward pass.

    Attributes
    ----------
    layer : int or None
        The number of the layer, or None for the network's input and output.
    quantity : {"input", "x", "z", "a", "output"}
        What it is: x where operations come before a layer's product, z, a = f(z), or the two ends.
    operation : str
        What made it of the array before, such as ``"784 → 512"`` or ``"relu"``; empty for the input
        and for the a of a layer without activation, which is its z.
    array : array, shape (..., width)
        The values, in the kind and shape that came in.
    statistics : Statistics
        Range, mean, standard deviation, sparsity, NaN and infinities, as they were in the pass.
    """

    layer: int | None
    quantity: str
    operation: str
    array: Any
    statistics: Statistics

    @property
    def name(self) -> str:
        """Where it stands: ``"input"``, ``"layers.0 z"``, ``"layers.0 a"``, ..., ``"output"``."""
        return self.quantity if self.layer is None else f"{layer_name(self.layer)} {self.quantity}"

    def as_dict(self, *, values: bool = False) -> dict[str, Any]:
        """Return the step as plain values for JSON; see `Trace.as_dict`."""
        found = {
            "name": self.name,
            "layer": self.layer,
            "quantity": self.quantity,
            "operation": self.operation,
            "shape": list(self.array.shape),
            **self.statistics.as_dict(),
        }
        return found | {"values": _plain(_host(self.array).tolist())} if values else found


@dataclass(frozen=True)
class LayerTrace:
    """The arrays of one layer.

    Attributes
    ----------
    index : int
        The number of the layer, counted from 0.
    name : str
        The prefix of its parameters, such as ``"layers.0"``.
    x : array, shape (..., in)
        The input of the matrix product.
    z : array, shape (..., out)
        The pre-activation.
    a : array, shape (..., out)
        The activation; for a layer without one it is z.
    """

    index: int
    name: str
    x: Any
    z: Any
    a: Any


class Trace(Sequence[LayerTrace]):
    """What `trace` returns: ``print`` shows it as a table, ``trace[i]`` is a layer.

    Attributes
    ----------
    steps : tuple of TraceStep
        Every array in the order in which it arose: the input, z and a of each layer, the output.
    output : array, shape (..., out)
        The prediction.
    """

    def __init__(
        self, steps: tuple[TraceStep, ...], layers: tuple[LayerTrace, ...], dtype: str, device: str
    ) -> None:
        self.steps = steps
        self.output = steps[-1].array
        self._layers = layers
        self._dtype, self._device = dtype, device

    @overload
    def __getitem__(self, index: int) -> LayerTrace: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LayerTrace]: ...
    def __getitem__(self, index: int | slice) -> LayerTrace | Sequence[LayerTrace]:
        return self._layers[index]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[LayerTrace]:
        return iter(self._layers)

    def as_dict(self, *, values: bool = False) -> dict[str, Any]:
        """Return the trace as plain values for JSON.

        Parameters
        ----------
        values : bool
            Whether to give the elements of each array too, as nested lists.  JSON has no NaN and no
            infinities: they become the texts ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.

        Returns
        -------
        dict
            ``schema``, ``dtype``, ``device`` and ``steps``: one dict for each of `steps`.
            Statistics that do not exist are None.
        """
        return {
            "schema": SCHEMA,
            "dtype": self._dtype,
            "device": self._device,
            "steps": [step.as_dict(values=values) for step in self.steps],
        }

    def to_json(self, *, values: bool = False, indent: int | None = None) -> str:
        """Return `as_dict` as JSON, which any parser reads."""
        return json.dumps(self.as_dict(values=values), indent=indent, allow_nan=False)

    def __repr__(self) -> str:
        heading = ("step", "computed by", "shape", "min", "max", "mean", "std", "zeros")
        rows = [
            (
                step.name,
                step.operation or ("= z" if step.quantity == "a" else ""),
                str(tuple(step.array.shape)),
                _number(step.statistics.min),
                _number(step.statistics.max),
                _number(step.statistics.mean),
                _number(step.statistics.std),
                _percent(step.statistics.sparsity),
                str(step.statistics.nan),
                str(step.statistics.inf),
            )
            for step in self.steps
        ]
        return table((*heading, "NaN", "inf"), rows, left=(0, 1))


def trace(model: "Model", x: Any) -> Trace:
    """Run `model` on `x` and return the forward pass step by step.

    Parameters
    ----------
    model : MLP
        The model.
    x : array, shape (..., features)
        A single sample, a batch, or any leading shape; also with no rows.

    Returns
    -------
    Trace
        The input, z and a of each layer, and the output with softmax or sigmoid applied, each with
        its shape, range, mean, standard deviation, share of exact zeros, and number of NaN and
        infinities.  ``print`` shows a table, ``trace[i].z`` is an array, ``to_json`` gives JSON.

    Raises
    ------
    TypeError, ValueError
        As for calling the model.

    Notes
    -----
    The arrays are those of the pass, not copies; the statistics are taken at once and stay.  The
    values are those of a prediction, not of a training step: dropout, for one, is not at work.
    """
    bound = model._bound
    backend, program = bound.backend, bound.program
    output = model.network.output
    steps: list[TraceStep] = []
    layers: list[LayerTrace] = []

    with backend.active():
        batch = take(backend, x, program.in_features, bound.dtype)

        def add(layer: int | None, quantity: str, made_by: Sequence[str], rows: Any) -> Any:
            given = batch.give(backend, rows)
            found = statistics(backend.to_host(rows))
            steps.append(TraceStep(layer, quantity, "  ".join(made_by), given, found))
            return given

        last = add(None, "input", [], batch.rows)
        logits, tape = bound.forward(batch.rows, Mode.GRADIENT)
        for stage, record in zip(program.stages, [] if tape is None else tape.records, strict=True):
            i, at = stage.index, stage.activation
            split = len(stage.after) if at is None else at
            x_ = add(i, "x", operations(stage.before), record.x) if stage.before else last
            z = add(i, "z", [product(stage), *operations(stage.after[:split])], record.z)
            last = add(i, "a", operations(stage.after[split:]), record.a)
            layers.append(LayerTrace(i, layer_name(i), x_, z, last))
        direct = bound.direct(output)
        if direct is None:
            prediction = output.function.forward(backend.xp, logits, **dict(output.settings))
        else:
            prediction = direct.rows(batch.rows)
        add(None, "output", [str(output)], prediction)
    return Trace(tuple(steps), tuple(layers), bound.dtype.name, str(backend.device))


def _host(array: Any) -> Any:
    kind = kind_of(array)
    array = bring_in(array, kind)
    return array.get() if kind.on_gpu else array


def _plain(values: Any) -> Any:
    """Return nested lists of numbers with texts for what JSON cannot hold."""
    if isinstance(values, list):
        return [_plain(value) for value in values]
    if math.isfinite(values):
        return values
    return "NaN" if math.isnan(values) else "Infinity" if values > 0 else "-Infinity"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
