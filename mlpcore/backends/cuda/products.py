"""The products of a layer, each by whatever was chosen for it."""

from collections.abc import Callable, Mapping
from typing import Any

from mlpcore.backends.cuda.choices import Choice
from mlpcore.kernels.cuda import cublaslt, tiled
from mlpcore.kernels.cuda.cublaslt import Epilogue, Refused

Way = Callable[..., Any]
"""Computes a product of arrays, or raises `Refused`."""


def affine(choice: Choice, x: Any, W: Any, b: Any) -> Any:
    """Return z = x Wᵀ + b, `b` being None or a vector: by the tiled kernel if that is refused."""
    return _computed(AFFINE, choice, x, W, b)


def input_gradient(choice: Choice, dz: Any, W: Any) -> Any:
    """Return dx = dz W: by the tiled kernel if what was chosen refuses."""
    return _computed(INPUT_GRADIENT, choice, dz, W)


def weight_gradient(choice: Choice, dz: Any, x: Any, out: Any) -> Any:
    """Write dW = dzᵀ x to `out`: by the tiled kernel if what was chosen refuses."""
    return _computed(WEIGHT_GRADIENT, choice, dz, x, out)


def _computed(ways: Mapping[Choice, Way], choice: Choice, *arrays: Any) -> Any:
    """Return the product.

    cuBLASLt refuses where it is not installed, and CuPy's products need the same libraries; the
    tiled kernel needs none.
    """
    try:
        return ways[choice](*arrays)
    except Refused:
        return ways[Choice.TILED](*arrays)


def _affine_by_cublaslt(x: Any, W: Any, b: Any) -> Any:
    import cupy

    z = cupy.empty((len(x), len(W)), x.dtype)
    cublaslt.affine(x, W, b, z, Epilogue.NONE if b is None else Epilogue.BIAS)
    return z


def _affine_by_cupy(x: Any, W: Any, b: Any) -> Any:
    import cupy

    z = cupy.matmul(x, W.T)
    if b is not None:
        z += b
    return z


def _input_gradient_by_cublaslt(dz: Any, W: Any) -> Any:
    import cupy

    dx = cupy.empty((len(dz), W.shape[1]), dz.dtype)
    cublaslt.input_gradient(dz, W, dx)
    return dx


def _input_gradient_by_cupy(dz: Any, W: Any) -> Any:
    import cupy

    return cupy.matmul(dz, W)


def _weight_gradient_by_cublaslt(dz: Any, x: Any, out: Any) -> Any:
    cublaslt.weight_gradient(dz, x, out)
    return out


def _weight_gradient_by_cupy(dz: Any, x: Any, out: Any) -> Any:
    import cupy

    return cupy.matmul(dz.T, x, out=out)


AFFINE: Mapping[Choice, Way] = {
    Choice.CUBLASLT: _affine_by_cublaslt,
    Choice.TILED: tiled.affine,
    # The bias of a layer that something else than an activation follows: with the same bits.
    Choice.NARROW: tiled.affine,
    Choice.CUPY: _affine_by_cupy,
}
INPUT_GRADIENT: Mapping[Choice, Way] = {
    Choice.CUBLASLT: _input_gradient_by_cublaslt,
    Choice.TILED: tiled.input_gradient,
    Choice.CUPY: _input_gradient_by_cupy,
}
WEIGHT_GRADIENT: Mapping[Choice, Way] = {
    Choice.CUBLASLT: _weight_gradient_by_cublaslt,
    Choice.TILED: tiled.weight_gradient,
    Choice.CUPY: _weight_gradient_by_cupy,
}
