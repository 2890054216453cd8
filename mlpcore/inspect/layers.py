"""How a layer is named and counted wherever a network is shown."""

from collections.abc import Sequence

from mlpcore.backends.layout import Layout
from mlpcore.kernels.reference.operations import Bias
from mlpcore.program import Stage, Step


def layer_name(index: int) -> str:
    """Return the prefix of the parameters of layer `index`, such as ``"layers.0"``."""
    return f"layers.{index}"


def operations(steps: Sequence[Step]) -> list[str]:
    """Return the operations of `steps` as text, without the bias, which belongs to the product."""
    return [str(step.operation) for step in steps if not isinstance(step.operation, Bias)]


def product(stage: Stage) -> str:
    """Return the matrix product of `stage` as text: the widths of its input and its result."""
    return f"{stage.in_features} → {stage.out_features}"


def has_bias(stage: Stage) -> bool:
    """Return whether the stage adds a bias."""
    return any(isinstance(step.operation, Bias) for step in stage.after)


def parameter_count(stage: Stage, layout: Layout) -> int:
    """Return how many numbers of `layout` the stage owns, those of its operations included."""
    names = [name for step in stage.steps for _, name in step.parameters]
    if stage.weight is not None:
        names.append(stage.weight)
    return sum(layout.slots[name].size for name in names)
