"""The gradients that a model gives: back from a cache, and there and back for an objective."""

from typing import Any

from mlpcore.backends.arrays import common_kind
from mlpcore.backends.bound import BoundProgram
from mlpcore.nn.losses import Loss
from mlpcore.passes import Cache, Gradients
from mlpcore.training.data import take_data
from mlpcore.training.objective import objective
from mlpcore.training.penalty import penalty

__all__ = ["backward", "gradients_of"]


def backward(
    bound: BoundProgram, cache: Any, dz: Any, *, input_gradient: bool, intermediates: bool
) -> Gradients:
    """Return what `MLP.backward` does.

    Raises
    ------
    TypeError, ValueError
        As it says.
    """
    if not isinstance(cache, Cache):
        raise TypeError(
            f"backward needs the cache that forward returned, got {type(cache).__name__}"
        )
    if cache.tape.run.parameters is not bound.parameters:
        raise ValueError("this cache was made by another model")
    with bound.backend.active():
        kind = common_kind(dz=dz)
        if kind != cache.batch.kind and hasattr(dz, "__dlpack_device__"):
            raise TypeError(f"x was a {cache.batch.kind} array but dz is a {kind} array")
        array = bound.backend.receive(dz, kind, bound.dtype)
        expected = (*cache.batch.lead, bound.program.out_features)
        if tuple(array.shape) != expected:
            raise ValueError(
                f"dz must have the shape of the logits, {expected}; got {tuple(array.shape)}"
            )
        rows = array.reshape(cache.tape.rows, bound.program.out_features)
        bound.verify(cache.tape)
        result = bound.backward(
            cache.tape, rows, input_gradient=input_gradient, intermediates=intermediates
        )
        bound.verify(cache.tape)
        return Gradients(result, cache.batch, bound)


def gradients_of(
    bound: BoundProgram,
    x: Any,
    t: Any,
    loss: Loss,
    *,
    l2: float,
    l1: float,
    sample_weight: Any,
    input_gradient: bool,
    intermediates: bool,
) -> Gradients:
    """Return what `MLP.value_and_grad` does: the gradients of J = L + s, and all three of them.

    Raises
    ------
    TypeError, ValueError
        As it says.
    """
    with bound.backend.active():
        data = take_data(bound, x, t, loss, sample_weight)
        found = objective(
            bound,
            data.x,
            data.t,
            loss,
            penalty=penalty(bound.program, l2, l1),
            sample_weight=data.sample_weight,
            input_gradient=input_gradient,
            intermediates=intermediates,
        )
        gradients = Gradients(found.gradients, data.batch, bound)
        kind = data.batch.kind
        gradients.loss = bound.backend.deliver(found.loss, kind)
        gradients.penalty = bound.backend.deliver(found.penalty, kind)
        gradients.objective = bound.backend.deliver(found.value, kind)
        return gradients
