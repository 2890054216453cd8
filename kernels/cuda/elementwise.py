"""Activations over whole arrays: after a product and its bias, and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from .activations import FORMULAS
from .arrays import aligned, checked, same_shape
from .compiler import KernelSource, blocks_to_stride, launch
from .formulas import Tools
from .quads import quad_access


def activation_forward(
    name: str,
    z: Any,
    *,
    bias: Any = None,
    setting: float = 0.0,
    out: Any = None,
    keep: Any = None,
) -> Any:
    """Return a = f(z), or a = f(z + b): one launch, each number read and written once.

    Parameters
    ----------
    name : str
        A name in `FORMULAS`.
    z : cupy.ndarray, shape (..., features)
        The pre-activations, or the product that lacks its bias; float32 or float64, C-contiguous.
    bias : cupy.ndarray, shape (features,), optional
        The b of the formula.
    setting : float
        The slope, alpha or omega of an activation that has one.
    out : cupy.ndarray, optional
        Where a goes, in the shape of `z`; it may be `z` itself.
    keep : cupy.ndarray, optional
        Where z + b goes, in the shape of `z`; it may be `z` itself.  Only with `bias`.

    Returns
    -------
    cupy.ndarray
        a, in the shape and dtype of `z`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, an array is not contiguous, or `keep` comes without `bias`.
    """
    import cupy

    out = cupy.empty_like(z) if out is None else out
    checked(z.dtype, z=z, bias=bias, out=out, keep=keep)
    same_shape(z.shape, out=out, keep=keep)
    given = z.dtype.type(setting)
    if bias is None:
        if keep is not None:
            raise ValueError("without a bias, z itself is what there is to keep")
        variant: tuple[Any, ...] = (name, aligned(z, out))
        _over_quads(activation, variant, z, (z, out), (given,))
        return out
    same_shape(z.shape[-1:], bias=bias)
    features = z.shape[-1]
    together = features % 4 == 0 and aligned(bias)
    arrays = (z, out) if keep is None else (z, out, keep)
    variant = (name, aligned(*arrays), together, keep is not None)
    # An address that is not written to stands in for what is not kept.
    where = (z, bias, out, out if keep is None else keep)
    _over_quads(bias_activation, variant, z, where, (np.int64(features), given))
    return out


def activation_backward(
    name: str, kept: Any, da: Any, *, setting: float = 0.0, out: Any = None
) -> Any:
    """Return dz = da * f'(z).

    Parameters
    ----------
    name : str
        A name in `FORMULAS`.
    kept : cupy.ndarray
        z or a of the forward pass, as ``FORMULAS[name].keeps`` says.
    da : cupy.ndarray
        The gradient of a, in the shape and dtype of `kept`.
    setting : float
        The slope, alpha or omega of an activation that has one.
    out : cupy.ndarray, optional
        Where dz goes; it may be `da` or `kept`.

    Returns
    -------
    cupy.ndarray
        dz, in the shape and dtype of `da`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or an array is not contiguous.
    """
    import cupy

    out = cupy.empty_like(da) if out is None else out
    checked(da.dtype, kept=kept, da=da, out=out)
    same_shape(da.shape, kept=kept, out=out)
    variant = (name, aligned(kept, da, out))
    _over_quads(activation_product, variant, da, (kept, da, out), (da.dtype.type(setting),))
    return out


def _over_quads(
    factory: Any, variant: Any, like: Any, arrays: tuple[Any, ...], numbers: tuple[Any, ...]
) -> None:
    """Launch a kernel of arrays, the number of their elements, and numbers."""
    blocks = blocks_to_stride(-(-like.size // 4))
    launch(factory, variant, like.dtype, blocks, (*arrays, np.int64(like.size), *numbers))


def _with_setting(tools: Tools, formula: Any, arguments: int, settings: int) -> Any:
    """Return a formula as a device function with one setting behind its arguments, used or not."""
    f = tools.device(formula)
    if settings:
        return f

    def of_one(x: float, setting: float) -> float:  # noqa: ARG001
        return f(x)  # type: ignore[no-any-return]

    def of_two(x: float, y: float, setting: float) -> float:  # noqa: ARG001
        return f(x, y)  # type: ignore[no-any-return]

    return tools.device(of_one if arguments == 1 else of_two)


def activation(tools: Tools, name: str, in_line: bool) -> KernelSource:
    """Write the kernel a = f(z)."""
    cuda = tools.cuda
    load, store = quad_access(tools, in_line)
    f = _with_setting(tools, FORMULAS[name].value, 1, FORMULAS[name].settings)

    def kernel(z: Any, a: Any, n: int, setting: float) -> None:
        i = 4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        stride = 4 * cuda.gridDim.x * cuda.blockDim.x
        while i < n:
            z0, z1, z2, z3 = load(z, i, n)
            store(a, i, n, (f(z0, setting), f(z1, setting), f(z2, setting), f(z3, setting)))
            i += stride

    return KernelSource(kernel, "real* real* int real")


def bias_activation(
    tools: Tools, name: str, in_line: bool, together: bool, keeps: bool
) -> KernelSource:
    """Write the kernel a = f(x + b), with z = x + b written besides if it `keeps` that.

    `together` says that four columns of the bias can be read at once.
    """
    cuda = tools.cuda
    load, store = quad_access(tools, in_line)
    load_bias, _ = quad_access(tools, True)
    f = _with_setting(tools, FORMULAS[name].value, 1, FORMULAS[name].settings)

    def biases(bias: Any, column: int, features: int) -> tuple[float, float, float, float]:
        if together:
            return load_bias(bias, column, features)  # type: ignore[no-any-return]
        second = column + 1 if column + 1 < features else 0
        third = second + 1 if second + 1 < features else 0
        fourth = third + 1 if third + 1 < features else 0
        return bias[column], bias[second], bias[third], bias[fourth]

    biases_at = tools.device(biases)

    def kernel(x: Any, bias: Any, a: Any, z: Any, n: int, features: int, setting: float) -> None:
        i = 4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        stride = 4 * cuda.gridDim.x * cuda.blockDim.x
        column = i % features
        ahead = stride % features  # one division for all rounds: they are slow
        while i < n:
            z0, z1, z2, z3 = load(x, i, n)
            b0, b1, b2, b3 = biases_at(bias, column, features)
            z0, z1, z2, z3 = z0 + b0, z1 + b1, z2 + b2, z3 + b3
            if keeps:
                store(z, i, n, (z0, z1, z2, z3))
            store(a, i, n, (f(z0, setting), f(z1, setting), f(z2, setting), f(z3, setting)))
            i += stride
            column += ahead
            if column >= features:
                column -= features

    return KernelSource(kernel, "real* real* real* real* int int real")


def activation_product(tools: Tools, name: str, in_line: bool) -> KernelSource:
    """Write the kernel dz = da * f'(z), of z or a."""
    cuda = tools.cuda
    load, store = quad_access(tools, in_line)
    f = _with_setting(tools, FORMULAS[name].product, 2, FORMULAS[name].settings)

    def kernel(kept: Any, da: Any, dz: Any, n: int, setting: float) -> None:
        i = 4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        stride = 4 * cuda.gridDim.x * cuda.blockDim.x
        while i < n:
            k0, k1, k2, k3 = load(kept, i, n)
            d0, d1, d2, d3 = load(da, i, n)
            four = (f(k0, d0, setting), f(k1, d1, setting), f(k2, d2, setting), f(k3, d3, setting))
            store(dz, i, n, four)
            i += stride

    return KernelSource(kernel, "real* real* real* int real")
