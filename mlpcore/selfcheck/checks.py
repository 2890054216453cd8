"""The list of checks, in the order in which they run: single operations first, whole steps last."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Scope
from mlpcore.optim.table import names as optimizer_names
from mlpcore.selfcheck import (
    activations,
    affine,
    determinism,
    epilogues,
    files,
    inputs,
    layers,
    losses,
    networks,
    optimizers,
    prediction,
    rows,
    streams,
    training,
)
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place

CheckFunction: TypeAlias = Callable[[Place, Findings], None]


@dataclass(frozen=True)
class Check:
    """One row of the table.

    Attributes
    ----------
    name : str
        What is checked.
    run : callable
        ``run(place, findings)`` computes and compares; it raises what it likes if that fails.
    gpu_only : bool
        Whether it says something on a GPU only.
    """

    name: str
    run: CheckFunction
    gpu_only: bool = False


def checks(place: Place) -> list[Check]:
    """Return the checks for a place."""
    return [check for check in _all() if place.on_gpu or not check.gpu_only]


def _all() -> Iterable[Check]:
    elementwise = [name for name, f in ACTIVATIONS.items() if f.scope is Scope.TILE]
    for name in elementwise:
        yield Check(f"activation {name}", partial(activations.check, name=name))
    for name in ("softmax", "log_softmax"):
        yield Check(f"rows {name}", partial(rows.check, name=name))
    yield Check("affine products, bias gradient", affine.check)
    for epilogue in epilogues.FORWARD:
        run = partial(epilogues.check_forward, name=epilogue)
        yield Check(f"cuBLASLt {epilogue}", run, gpu_only=True)
    for epilogue in epilogues.BACKWARD:
        run = partial(epilogues.check_backward, name=epilogue)
        yield Check(f"cuBLASLt {epilogue}", run, gpu_only=True)
    yield Check("cuBLASLt BGRADB", epilogues.check_weight_gradient, gpu_only=True)
    for name, settings in losses.CASES:
        shown = "".join(f" {key}" for key in settings)
        yield Check(f"loss {name}{shown}", partial(losses.check, name=name, settings=settings))
    for operation in layers.CASES:
        yield Check(f"layer {operation.kind}", partial(layers.check, operation=operation))
    for name in optimizer_names():
        yield Check(f"optimizer {name}", partial(optimizers.check, name=name))
    for sizes, activation, output in networks.CASES:
        shown = f"network {'-'.join(map(str, sizes))} {activation}"
        run = partial(networks.check, sizes=sizes, activation=activation, output=output)
        yield Check(shown, run)
    yield Check("network without biases", networks.check_without_biases)
    yield Check("batch of no rows", networks.check_empty)
    for name in optimizer_names():
        yield Check(f"training step {name}", partial(training.check, optimizer=name))
    yield Check("training lowers the loss", training.check_learning)
    yield Check("prediction in parts", prediction.check)
    yield Check("save and load", files.check)
    yield Check("same bits twice", determinism.check)
    yield Check("kinds of input", inputs.check)
    yield Check("current stream", streams.check, gpu_only=True)
