"""The values that a program's weights and biases start from."""

from typing import Any

import numpy as np

from mlpcore.kernels.reference.operations import Activation, BatchNorm, Bias, LayerNorm
from mlpcore.nn.initializers import initialize, initialize_bias
from mlpcore.program import Program, Stage
from mlpcore.randomness import Stream, generator


def initial_values(program: Program, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return a float64 array for each weight, and for each bias right behind one, by name.

    Every array has a stream of random numbers of its own, so a layer starts alike whatever comes
    after it.  All other parameters start from their `fill`.

    Parameters
    ----------
    program : Program
        Whose parameters they are.
    seed : int
        The seed of the model.
    """
    places = {parameter.name: place for place, parameter in enumerate(program.parameters)}
    values: dict[str, np.ndarray[Any, Any]] = {}
    preceding: Activation | None = None
    for stage in program.stages:
        if stage.weight is None:
            continue
        weight = program.parameters[places[stage.weight]]
        following = weight.activation or Activation("identity")
        if weight.initializer is not None:
            values[weight.name] = initialize(
                weight.initializer,
                generator(seed, Stream.WEIGHTS, places[weight.name]),
                weight.shape,
                activation=following,
                preceding=preceding,
            )
        if stage.after and isinstance(stage.after[0].operation, Bias):
            _, bias = stage.after[0].parameters[0]
            rng = generator(seed, Stream.BIASES, places[bias])
            out, fan_in = weight.shape
            values[bias] = initialize_bias(rng, fan_in, out, activation=following)
        preceding = Activation("identity") if _ends_normalized(stage) else following
    return values


def _ends_normalized(stage: Stage) -> bool:
    """Return whether a normalisation stands behind the activation, so that E[x²] is 1 anyway."""
    behind = stage.after[0 if stage.activation is None else stage.activation + 1 :]
    norms = (isinstance(step.operation, BatchNorm | LayerNorm) for step in behind)
    return stage.activation is not None and any(norms)
