"""What can compute the products of a layer, ready to be called on arrays of one batch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mlpcore.backends.cuda import products
from mlpcore.backends.cuda.arithmetic import CUDAArithmetic
from mlpcore.backends.cuda.choices import Choice, Product
from mlpcore.kernels.cuda import tiled
from mlpcore.kernels.cuda.narrow import NarrowKernels, NarrowLayer
from mlpcore.kernels.reference.operation import Call
from mlpcore.kernels.reference.operations import Activation

Work = Callable[[], Any]
"""Computes a product and returns it, without waiting."""

_RELU = Activation("relu")
"""Stands for all: what an epilogue costs is the launch and the memory that it reads and writes."""

_ALIGNMENT = 16


@dataclass(frozen=True)
class Layer:
    """A layer to measure.

    Attributes
    ----------
    dtype : dtype
        float32 or float64.
    inputs, outputs : int
        The shape of W is (outputs, inputs).
    """

    dtype: np.dtype[Any]
    inputs: int
    outputs: int

    @property
    def back(self) -> "Layer":
        """The layer with inputs and outputs exchanged."""
        return Layer(self.dtype, self.outputs, self.inputs)


class Arrays:
    """Random arrays of a layer and of a batch, on the host and on the device.

    Parameters
    ----------
    xp : module
        CuPy.
    layer : Layer
        Their shapes.
    rows : int
        The batch.
    """

    def __init__(self, xp: Any, layer: Layer, rows: int) -> None:
        rng = np.random.default_rng([rows, layer.inputs, layer.outputs])
        shapes = {
            "x": (rows, layer.inputs),
            "W": (layer.outputs, layer.inputs),
            "b": (layer.outputs,),
            "dz": (rows, layer.outputs),
        }
        self.host = {
            name: rng.standard_normal(shape, dtype=layer.dtype) for name, shape in shapes.items()
        }
        self.device = {name: xp.asarray(array) for name, array in self.host.items()}


def candidates(arithmetic: CUDAArithmetic, product: Product, arrays: Arrays) -> dict[Choice, Work]:
    """Return what computes a product of one layer, all but the kernel of narrow networks."""
    there = arrays.device
    if product is Product.FORWARD:
        x, W, b = there["x"], there["W"], there["b"]
        return {
            Choice.CUBLASLT: partial(_in_two, arithmetic, Choice.CUBLASLT, x, W, b),
            Choice.CUPY: partial(_in_two, arithmetic, Choice.CUPY, x, W, b),
            Choice.TILED: partial(tiled.affine, x, W, b, _RELU.name),
        }
    given: tuple[Any, ...]
    if product is Product.INPUT_GRADIENT:
        given, ways = (there["dz"], there["W"]), products.INPUT_GRADIENT
    else:
        dW = arithmetic.xp.empty_like(there["W"])
        given, ways = (there["dz"], there["x"], dW), products.WEIGHT_GRADIENT
    return {choice: partial(way, *given) for choice, way in ways.items()}


def _in_two(arithmetic: CUDAArithmetic, choice: Choice, x: Any, W: Any, b: Any) -> Any:
    """Return a of a layer whose activation is a step of its own."""
    z = products.AFFINE[choice](x, W, b)
    return arithmetic.apply(_RELU, Call(arithmetic.xp), z)


def there_and_back(xp: Any, layer: Layer, arrays: Arrays) -> Work:
    """Return two narrow layers in one launch: the layer, and one from its outputs to its inputs.

    One narrow layer alone would not show what the kernel is for.  The numbers of W are the weights
    of both, and the second has no bias.
    """
    bias_place = -(-layer.inputs * layer.outputs // _ALIGNMENT) * _ALIGNMENT
    flat = np.zeros(bias_place + layer.outputs, layer.dtype)
    flat[: layer.inputs * layer.outputs] = arrays.host["W"].ravel()
    flat[bias_place:] = arrays.host["b"]
    first = NarrowLayer(layer.inputs, layer.outputs, _RELU.name, 0, bias_place)
    second = NarrowLayer(layer.outputs, layer.inputs, _RELU.name, 0)
    kernels = NarrowKernels((first, second), layer.dtype)
    x, parameters = arrays.device["x"], xp.asarray(flat)
    return lambda: kernels.forward(x, parameters)


def exact(product: Product, arrays: Arrays) -> tuple[Any, Any]:
    """Return a product in float64, and how far it may be off in the dtype of the arrays.

    The bound is that of a sum of K terms in any order, (K + 2) ε Σ |terms|; ReLU adds nothing.
    (N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, section 3.1.)
    """
    x, W, b, dz = (arrays.host[name].astype(np.float64) for name in ("x", "W", "b", "dz"))
    eps = float(np.finfo(arrays.host["x"].dtype).eps)
    if product is Product.FORWARD:
        z, size = x @ W.T + b, np.abs(x) @ np.abs(W.T) + np.abs(b)
        return np.maximum(z, 0.0), (x.shape[1] + 2) * eps * size
    A, B = (dz, W) if product is Product.INPUT_GRADIENT else (dz.T, x)
    return A @ B, (A.shape[1] + 2) * eps * (np.abs(A) @ np.abs(B))


def exact_there_and_back(layer: Layer, arrays: Arrays) -> tuple[Any, Any]:
    """Return what `there_and_back` computes in float64, and how far it may be off."""
    a, off = exact(Product.FORWARD, arrays)
    V = arrays.host["W"].astype(np.float64).reshape(layer.inputs, layer.outputs).T
    eps = float(np.finfo(layer.dtype).eps)
    size = (a + off) @ np.abs(V)
    return np.maximum(a @ V, 0.0), off @ np.abs(V) + (layer.outputs + 2) * eps * size
