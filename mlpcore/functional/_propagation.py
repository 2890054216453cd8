"""Forward and backward propagation through a network given as plain lists of arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np

from mlpcore.backends.arrays import common_kind
from mlpcore.functional._affine import Layout, affine_map, as_rows, check_affine, out_in
from mlpcore.functional._arrays import A, Frame, enter
from mlpcore.functional._kernels import activate, differentiate
from mlpcore.kernels.reference.operations import Activation
from mlpcore.kernels.reference.product import (
    product_input_gradient,
    product_weight_gradient,
)
from mlpcore.nn.activations import ActivationSpec, activation


@dataclass(frozen=True)
class Propagation(Generic[A]):
    """What `forward_propagation` went through, layer by layer.

    Attributes
    ----------
    x : array, shape (..., in)
        The input.
    z : tuple of array, shape (..., out) each
        The pre-activation of each layer, z = (the layer's input) Wᵀ + b.
    a : tuple of array, shape (..., out) each
        The activation of each layer, a = f(z); the last one is the output.
    weights : tuple of array
        The weights, as they were given.
    activations : tuple of Activation
        The f of each layer.
    has_bias : tuple of bool
        Whether each layer adds a bias.
    layout : {"out_in", "in_out"}
        How the weights are stored.

    Notes
    -----
    The arrays are those that `backward_propagation` reads; writing into them, or into the weights,
    between the two changes the gradients.
    """

    x: A
    z: tuple[A, ...]
    a: tuple[A, ...]
    weights: tuple[A, ...]
    activations: tuple[Activation, ...]
    has_bias: tuple[bool, ...]
    layout: Layout

    @property
    def inputs(self) -> tuple[A, ...]:
        """The input of each layer: x, then the activation of the layer before."""
        return (self.x, *self.a[:-1])


@dataclass(frozen=True)
class Gradients(Generic[A]):
    """What `backward_propagation` found.

    Attributes
    ----------
    weights : tuple of array
        dW of each layer, in the shape and layout of its weights, summed over all samples.
    biases : tuple of array or None
        db of each layer, shape (out,), summed over all samples; None where there is no bias.
    input : array, shape (..., in)
        dx, the gradient of the input.
    dz, da : tuple of array, shape (..., out) each
        The gradients of each layer's pre-activation and activation.
    """

    weights: tuple[A, ...]
    biases: tuple[A | None, ...]
    input: A
    dz: tuple[A, ...]
    da: tuple[A, ...]


@np.errstate(all="ignore")
def forward_propagation(
    x: A,
    weights: Sequence[A],
    biases: Sequence[A | None] | None,
    activations: ActivationSpec | Sequence[ActivationSpec | None],
    *,
    layout: Layout = "out_in",
) -> tuple[A, Propagation[A]]:
    """Return the output of a network and all that lies between, a = f(a' Wᵀ + b) layer after layer.

    Parameters
    ----------
    x : array, shape (..., in)
        One sample or any number of them.
    weights : sequence of array, shape (out, in) each, or (in, out) with ``layout="in_out"``
        The weights of each layer, at least one.
    biases : sequence of array, shape (out,) each, or None
        The bias of each layer; None for a layer, or for all at once, is no bias.
    activations : activation, or list of activations
        One for every layer, or a list with one for each: names, `Activation` objects, pairs of
        functions (f, df) of your own, or None for a layer without.
    layout : {"out_in", "in_out"}, default "out_in"
        How the weights are stored.

    Returns
    -------
    output : array, shape (..., out)
        The activation of the last layer.
    cache : Propagation
        What `backward_propagation` needs, and every z and a to look at.

    Raises
    ------
    ValueError
        If there is no layer, the lists are of different lengths, or a shape does not fit; the
        message names the layer, counted from 0.
    TypeError
        If the arrays are of different kinds, or one does not hold real numbers.
    """
    weights = list(weights)
    biases = [None] * len(weights) if biases is None else list(biases)
    chosen = _activations(activations, len(weights))
    if not weights:
        raise ValueError("weights is empty; expected one matrix for each layer, at least one")
    if len(biases) != len(weights):
        raise ValueError(f"{len(weights)} weights came with {len(biases)} biases; expected as many")
    frame, (x_, *rest) = enter(
        x=x,
        **{f"weights[{i}]": W for i, W in enumerate(weights)},
        **{f"biases[{i}]": b for i, b in enumerate(biases)},
    )
    Ws = [out_in(W, layout, f"weights[{i}]") for i, W in enumerate(rest[: len(weights)])]
    bs = rest[len(weights) :]
    shape = x_.shape
    for layer, (W, b) in enumerate(zip(Ws, bs, strict=True)):
        check_affine(shape, W, b, layout, layer=layer)
        shape = (*shape[:-1], W.shape[0])

    a, zs, as_ = as_rows(x_), [], []
    for W, b, f in zip(Ws, bs, chosen, strict=True):
        z = affine_map(a, W, b)
        a = activate(frame.xp, f, z)
        zs.append(z)
        as_.append(a)
    lead = x_.shape[:-1]
    cache: Propagation[A] = Propagation(
        x=frame.keep(x, x_),
        z=_give_all(frame, zs, lead),
        a=_give_all(frame, as_, lead),
        weights=tuple(map(frame.keep, weights, rest)),
        activations=chosen,
        has_bias=tuple(b is not None for b in bs),
        layout=layout,
    )
    return cache.a[-1], cache


@np.errstate(all="ignore")
def backward_propagation(cache: Propagation[A], dy: A) -> Gradients[A]:
    """Return the gradients of a scalar by everything in a network, from that by its output.

    For each layer from the last to the first, with x its input:
    dz = f'(z) da, dW = dzᵀ x, db = Σ dz over the samples, and da of the layer before = dz W
    (M. Nielsen, "Neural Networks and Deep Learning" (2015), chapter 2, equations BP1 to BP4).

    Parameters
    ----------
    cache : Propagation
        From `forward_propagation`.
    dy : array, shape (..., out)
        The gradient of the scalar by the output; converted to the dtype of the pass.

    Returns
    -------
    Gradients
        Each in the shape of what it is the gradient of.

    Raises
    ------
    ValueError
        If `dy` has not the shape of the output.
    TypeError
        If `dy` is of another kind than the arrays of the cache, or does not hold real numbers.
    """
    depth = len(cache.weights)
    frame, (x, *rest) = enter(
        x=cache.x,
        **{f"weights[{i}]": W for i, W in enumerate(cache.weights)},
        **{f"z[{i}]": z for i, z in enumerate(cache.z)},
        **{f"a[{i}]": a for i, a in enumerate(cache.a)},
    )
    common_kind(cache=cache.x, dy=dy)
    da = frame.cast(dy)
    Ws, zs, as_ = rest[:depth], rest[depth : 2 * depth], rest[2 * depth :]
    if da.shape != as_[-1].shape:
        raise ValueError(f"dy has shape {da.shape}; expected {as_[-1].shape}, that of the output")

    lead = x.shape[:-1]
    da, inputs = as_rows(da), [as_rows(x), *map(as_rows, as_[:-1])]
    dWs, dbs, dzs, das = [], [], [], []
    for layer in reversed(range(depth)):
        f, W = cache.activations[layer], out_in(Ws[layer], cache.layout)
        z, a = as_rows(zs[layer]), as_rows(as_[layer])
        dz = differentiate(frame.xp, f, z, a, da)
        dW = frame.xp.empty(Ws[layer].shape, dtype=frame.dtype)
        product_weight_gradient(frame.xp, dz, inputs[layer], out_in(dW, cache.layout))
        das.append(da)
        dzs.append(dz)
        dWs.append(frame.give(dW))
        dbs.append(frame.give(dz.sum(axis=0)) if cache.has_bias[layer] else None)
        da = product_input_gradient(dz, W)
    return Gradients(
        weights=tuple(reversed(dWs)),
        biases=tuple(reversed(dbs)),
        input=frame.give(da.reshape(x.shape)),
        dz=_give_all(frame, reversed(dzs), lead),
        da=_give_all(frame, reversed(das), lead),
    )


def _activations(
    given: ActivationSpec | Sequence[ActivationSpec | None], layers: int
) -> tuple[Activation, ...]:
    """Return the activation of each layer; a pair of functions is one, not a list of two."""
    pair = isinstance(given, tuple) and len(given) == 2 and all(map(callable, given))
    if pair or isinstance(given, str | Activation):
        return (activation(given),) * layers  # type: ignore[arg-type]
    chosen = tuple(activation("identity" if f is None else f) for f in given)  # type: ignore[arg-type]
    if len(chosen) != layers:
        raise ValueError(f"{layers} weights came with {len(chosen)} activations; expected as many")
    return chosen


def _give_all(frame: Frame, arrays: Iterable[Any], lead: tuple[int, ...]) -> tuple[Any, ...]:
    """Return arrays of rows in the caller's kind, with the leading shape of the input."""
    return tuple(frame.give(x.reshape(*lead, x.shape[-1])) for x in arrays)
