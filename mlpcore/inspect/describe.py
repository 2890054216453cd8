"""A network in a few lines of text."""

from mlpcore.backends.bound import BoundProgram
from mlpcore.inspect.layers import has_bias, operations, parameter_count, product
from mlpcore.network import Network


def describe(name: str, network: Network, bound: BoundProgram) -> str:
    """Return what ``repr`` of a model shows: each layer's widths, operations and parameters.

    Parameters
    ----------
    name : str
        The name of the model's class.
    network : Network
        What is computed.
    bound : BoundProgram
        The network's program with its parameters.
    """
    layout = bound.parameters.layout
    lines = []
    for stage in bound.program.stages:
        steps = [*operations(stage.before), product(stage), *operations(stage.after)]
        note = "" if has_bias(stage) else ", no bias"
        count = parameter_count(stage, layout)
        lines.append(f"  {stage.index}: {'  '.join(steps)}  ({count:,} parameters{note})")
    head = f"{name}({layout.count:,} parameters, {bound.dtype.name}, {bound.backend.device})"
    return "\n".join([head, *lines, f"  output: {network.output}"])
