"""A network in figures: shapes, parameters, operations and bytes."""

import json
import operator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mlpcore.inspect.flops import (
    counted_operations,
    inference_flops,
    operation_flops,
    training_flops,
)
from mlpcore.inspect.layers import layer_name, operations, parameter_count, product
from mlpcore.inspect.memory import Memory, memory, recorded_bytes
from mlpcore.inspect.table import table
from mlpcore.lazy_imports import importing

if TYPE_CHECKING:
    from mlpcore.model_base import Model
    from mlpcore.optim import Optimizer

SCHEMA = 1
"""The version of `Summary.as_dict`."""


@dataclass(frozen=True)
class LayerSummary:
    """One layer in figures.

    Attributes
    ----------
    index : int
        The number of the layer, counted from 0.
    name : str
        The prefix of its parameters, such as ``"layers.0"``.
    operations : tuple of str
        What it computes in order, such as ``("784 → 512", "relu")``.
    input_shape, output_shape : tuple of int
        The shapes of its input and its result, (batch, width).
    parameters : int
        How many numbers of it training changes.
    parameter_bytes : int
        Their bytes.
    flops : int
        Its floating-point operations in a forward pass of the batch: those of the matrix product,
        and of normalisations and residual connections.
    training_bytes : int
        The bytes that it keeps of a forward pass for the backward pass, without its input.
    """

    index: int
    name: str
    operations: tuple[str, ...]
    input_shape: tuple[int, int]
    output_shape: tuple[int, int]
    parameters: int
    parameter_bytes: int
    flops: int
    training_bytes: int


@dataclass(frozen=True)
class Summary:
    """What `summary` returns; ``print`` shows it as a table.

    Attributes
    ----------
    layers : tuple of LayerSummary
        By layer.
    output : str
        What prediction applies to the logits.
    batch_size : int
        The rows of the batch that all figures are for.
    dtype, device : str
        Of the model.
    parameters : int
        How many numbers training changes.
    flops, training_flops : int
        The operations of all layers, in a forward pass and in a training step.
    memory : Memory
        Bytes.
    counted_operations : tuple of str
        The kinds of operations whose floating-point operations count beside the matrix products.
    """

    layers: tuple[LayerSummary, ...]
    output: str
    batch_size: int
    dtype: str
    device: str
    parameters: int
    flops: int
    training_flops: int
    memory: Memory
    counted_operations: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "schema": SCHEMA,
            "batch_size": self.batch_size,
            "dtype": self.dtype,
            "device": self.device,
            "output": self.output,
            "parameters": self.parameters,
            "flops": {"inference": self.flops, "training": self.training_flops},
            "bytes": self.memory.as_dict(),
            "layers": [asdict(layer) for layer in self.layers],
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `as_dict` as JSON."""
        return json.dumps(self.as_dict(), indent=indent, allow_nan=False)

    def __repr__(self) -> str:
        return "\n".join([self._head(), "", self._table(), "", self._flops(), "", self._bytes()])

    def _head(self) -> str:
        widths = [self.layers[0].input_shape[1], *(layer.output_shape[1] for layer in self.layers)]
        rows = "1 row" if self.batch_size == 1 else f"{self.batch_size:,} rows"
        return f"{'-'.join(map(str, widths))} for {rows} ({self.dtype}, {self.device})"

    def _table(self) -> str:
        heading = (
            "layer",
            "computes",
            "input",
            "output",
            "parameters",
            "FLOPs",
            "kept in training",
        )
        rows = [
            (
                layer.name,
                "  ".join(layer.operations),
                str(layer.input_shape),
                str(layer.output_shape),
                f"{layer.parameters:,}",
                f"{layer.flops:,}",
                f"{layer.training_bytes:,} B",
            )
            for layer in self.layers
        ]
        kept = sum(layer.training_bytes for layer in self.layers)
        sums = (f"{self.parameters:,}", f"{self.flops:,}", f"{kept:,} B")
        rows.append(("total", f"output: {self.output}", "", "", *sums))
        return table(heading, rows, left=(0, 1))

    def _flops(self) -> str:
        others = ", ".join(self.counted_operations)
        return (
            f"FLOPs: {self.flops:,} in a forward pass, {self.training_flops:,} in a training step\n"
            "Each layer has a matrix product of 2 · rows · in · out, a multiply-add being two;\n"
            "in training three of them, but the first layer two.  "
            + (f"Beside them count\n{others}; n" if others else "N")
            + "othing else is counted."
        )

    def _bytes(self) -> str:
        found = self.memory
        at_once = "1 row" if found.prediction_rows == 1 else f"{found.prediction_rows:,} rows"
        entries = [
            (found.parameters, f"parameters; {found.parameter_buffer:,} with 64-byte alignment"),
            (found.state, "state that training does not differentiate"),
            (
                found.prediction_activations,
                f"prediction: x and a of one layer, {at_once} at a time",
            ),
            (found.training_activations, "training: the input, and x, z and a of all layers"),
            (found.gradient, "training: the gradient"),
            (found.optimizer, "training: what the optimizer keeps"),
            (found.training, "training: all together"),
        ]
        rows = [(f"{amount:,}", note) for amount, note in entries if amount]
        return table(("bytes", "of"), rows, left=(1,))


def summary(
    model: "Model", batch_size: int = 1, *, optimizer: "str | Optimizer | None" = None
) -> Summary:
    r"""Return shapes, parameters, operations and bytes of `model`, without running it.

    Parameters
    ----------
    model : MLP
        The model.
    batch_size : int
        B, the number of rows that go through at once.
    optimizer : str or Optimizer, optional
        Whose state to count in training, such as ``"adam"``.

    Returns
    -------
    Summary
        The figures; ``print`` shows them as a table, ``as_dict`` and ``to_json`` give them away.

    Raises
    ------
    TypeError
        If `batch_size` is not a whole number, or `optimizer` is neither name nor optimizer.
    ValueError
        If `batch_size` is below 1, or no optimizer has that name.

    Notes
    -----
    The operations of the matrix products are exact, two for each multiply-add:

    .. math::
        F = \sum_l 2\,B\,m_l n_l

    for weights of shape :math:`(m_l, n_l)`.  Some published tables count a multiply-add as one
    operation and show half of that.  `mlpcore.inspect.flops` has the formula for training, and says
    what else counts: the formulas of normalisations, dropout, noise and residual connections.

    The bytes are of arrays that outlive a single operation; `Memory` says which those are.
    """
    try:
        rows = operator.index(batch_size)
    except TypeError:
        raise TypeError(f"batch_size must be a whole number, got {batch_size!r}") from None
    if isinstance(batch_size, bool) or rows < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size!r}")
    with importing():
        from mlpcore.optim import optimizer as resolve_optimizer
    rule = None if optimizer is None else resolve_optimizer(optimizer)
    bound = model._bound
    program, layout, itemsize = bound.program, bound.parameters.layout, bound.dtype.itemsize
    shapes = {parameter.name: parameter.shape for parameter in program.parameters}
    products = [
        (0, 0) if stage.weight is None else (shapes[stage.weight][0], shapes[stage.weight][1])
        for stage in program.stages
    ]
    layers = tuple(
        LayerSummary(
            index=stage.index,
            name=layer_name(stage.index),
            operations=(*operations(stage.before), product(stage), *operations(stage.after)),
            input_shape=(rows, stage.in_features),
            output_shape=(rows, stage.out_features),
            parameters=(count := parameter_count(stage, layout)),
            parameter_bytes=count * itemsize,
            flops=inference_flops([widths], rows)
            + operation_flops(stage, widths[0], rows, training=False),
            training_bytes=recorded,
        )
        for stage, widths, recorded in zip(
            program.stages, products, recorded_bytes(bound, rows), strict=True
        )
    )
    # Parameters before the first product need the gradient of its input, though the user does not.
    learned_before = any(step.parameters for step in program.stages[0].before)
    return Summary(
        layers=layers,
        output=str(model.network.output),
        batch_size=rows,
        dtype=bound.dtype.name,
        device=str(bound.backend.device),
        parameters=layout.count,
        flops=sum(layer.flops for layer in layers),
        training_flops=training_flops(products, rows, input_gradient=learned_before)
        + sum(
            operation_flops(stage, widths[0], rows, training=True)
            for stage, widths in zip(program.stages, products, strict=True)
        ),
        memory=memory(bound, rows, rule),
        counted_operations=counted_operations(program.stages),
    )
