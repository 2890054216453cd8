"""The three products of a layer on CuPy arrays with contiguous rows."""

from __future__ import annotations

from typing import Any

from .auxiliary import check_auxiliary, leading_dimension
from .epilogue import BACKWARD, FORWARD, Epilogue
from .plan import Addresses
from .plans import plan_for
from .problem import Alignments, Problem, Product
from .refused import Refused

_VECTOR_BYTES = 16
"""The widest access of a thread: more alignment than this makes no difference."""


def affine(
    x: Any,
    W: Any,
    b: Any,
    out: Any,
    epilogue: Epilogue = Epilogue.BIAS,
    aux: Any = None,
    *,
    tf32: bool = False,
) -> None:
    """Write a = f(x Wᵀ + b) to `out`, where f is what the epilogue names.

    Works on CuPy's current stream; the arrays' device must be the current one.

    Parameters
    ----------
    x : cupy.ndarray, shape (rows, inputs)
        float32 or float64, as all the others.
    W : cupy.ndarray, shape (outputs, inputs)
        The weights.
    b : cupy.ndarray, shape (outputs,), or None
        The bias, None for `Epilogue.NONE`.
    out : cupy.ndarray, shape (rows, outputs)
        Receives a, or z where the epilogue has no activation.  It overlaps no other array.
    epilogue : Epilogue
        ``NONE``, ``BIAS``, ``RELU_BIAS``, ``RELU_AUX_BIAS``, ``GELU_BIAS``, ``GELU_AUX_BIAS``.
    aux : cupy.ndarray, optional
        Receives what the backward pass needs, made by `empty_auxiliary`.
    tf32 : bool
        Let float32 operands be rounded to TF32.

    Raises
    ------
    Refused
        If cuBLASLt is absent or does not compute this.  Nothing is written then.
    ValueError
        If shapes, dtypes or the epilogue do not fit together.
    """
    _require(epilogue in FORWARD, f"{epilogue.name} does not follow a forward product")
    _check("x", x, x.shape, x.dtype)
    rows, inputs = x.shape
    outputs = W.shape[0]
    _check("W", W, (outputs, inputs), x.dtype)
    _check("out", out, (rows, outputs), x.dtype)
    _check_vector("b", b, epilogue.adds_bias, outputs, x.dtype)
    check_auxiliary(epilogue, aux, rows, outputs, x.dtype)
    if rows:
        _run(Product.AFFINE, epilogue, rows, W, x, out, b, aux, (inputs, outputs), tf32)


def input_gradient(
    dz: Any,
    W: Any,
    out: Any,
    epilogue: Epilogue = Epilogue.NONE,
    aux: Any = None,
    bias_gradient: Any = None,
    *,
    tf32: bool = False,
) -> None:
    """Write dx = dz W to `out`, or the dz of the layer before: (dz W) f'(z).

    Works on CuPy's current stream; the arrays' device must be the current one.

    Parameters
    ----------
    dz : cupy.ndarray, shape (rows, outputs)
        The gradient of this layer's z; float32 or float64, as all the others.
    W : cupy.ndarray, shape (outputs, inputs)
        The weights of this layer.
    out : cupy.ndarray, shape (rows, inputs)
        Receives the gradient.  It overlaps no other array.
    epilogue : Epilogue
        ``NONE``; ``DRELU`` or ``DGELU`` for f'; ``DRELU_BGRAD`` or ``DGELU_BGRAD`` to sum too.
    aux : cupy.ndarray, optional
        What the forward pass of the layer before left.
    bias_gradient : cupy.ndarray, shape (inputs,), optional
        Receives the sums of `out` over the rows: db of the layer before.
    tf32 : bool
        Let float32 operands be rounded to TF32.

    Raises
    ------
    Refused
        If cuBLASLt is absent or does not compute this.  Nothing is written then.
    ValueError
        If shapes, dtypes or the epilogue do not fit together.
    """
    _require(epilogue in BACKWARD, f"{epilogue.name} does not follow dz W")
    _check("dz", dz, dz.shape, dz.dtype)
    rows, outputs = dz.shape
    inputs = W.shape[-1]
    _check("W", W, (outputs, inputs), dz.dtype)
    _check("out", out, (rows, inputs), dz.dtype)
    _check_vector("bias_gradient", bias_gradient, epilogue.sums_bias_gradient, inputs, dz.dtype)
    check_auxiliary(epilogue, aux, rows, inputs, dz.dtype)
    if rows:
        sizes = (inputs, outputs)
        _run(Product.INPUT_GRADIENT, epilogue, rows, W, dz, out, bias_gradient, aux, sizes, tf32)
    elif bias_gradient is not None:
        bias_gradient.fill(0)


def weight_gradient(
    dz: Any, x: Any, out: Any, bias_gradient: Any = None, *, tf32: bool = False
) -> None:
    """Write dW = dzᵀ x to `out`, and db, the sums of dz over the rows, if that is wanted.

    Works on CuPy's current stream; the arrays' device must be the current one.

    Parameters
    ----------
    dz : cupy.ndarray, shape (rows, outputs)
        The gradient of z; float32 or float64, as all the others.
    x : cupy.ndarray, shape (rows, inputs)
        The input of the layer.
    out : cupy.ndarray, shape (outputs, inputs)
        Receives dW.  It overlaps no other array.
    bias_gradient : cupy.ndarray, shape (outputs,), optional
        Receives db.
    tf32 : bool
        Let float32 operands be rounded to TF32.

    Raises
    ------
    Refused
        If cuBLASLt is absent or does not compute this.  Nothing is written then.
    ValueError
        If shapes and dtypes do not fit together.
    """
    _check("x", x, x.shape, x.dtype)
    rows, inputs = x.shape
    outputs = dz.shape[-1]
    epilogue = Epilogue.NONE if bias_gradient is None else Epilogue.BGRADB
    _check("dz", dz, (rows, outputs), x.dtype)
    _check("out", out, (outputs, inputs), x.dtype)
    _check_vector("bias_gradient", bias_gradient, bias_gradient is not None, outputs, x.dtype)
    if rows:
        sizes = (inputs, outputs)
        _run(Product.WEIGHT_GRADIENT, epilogue, rows, x, dz, out, bias_gradient, None, sizes, tf32)
    else:
        out.fill(0)
        if bias_gradient is not None:
            bias_gradient.fill(0)


def _run(
    product: Product,
    epilogue: Epilogue,
    rows: int,
    a: Any,
    b: Any,
    d: Any,
    bias: Any,
    aux: Any,
    sizes: tuple[int, int],
    tf32: bool,
) -> None:
    """Compute D = op(A) op(B) as `Problem` lays it out, after choosing an algorithm if need be."""
    inputs, outputs = sizes
    if inputs == 0 or outputs == 0:
        raise Refused("cuBLASLt does not compute with matrices that have no elements")
    double = d.dtype == "float64"
    if not double and d.dtype != "float32":
        raise Refused(f"cuBLASLt is used for float32 and float64 only, not {d.dtype}")
    addresses = Addresses(
        *(0 if array is None else array.data.ptr for array in (a, b, d, bias, aux))
    )
    problem = Problem(
        product,
        epilogue,
        double,
        tf32,
        inputs,
        outputs,
        0 if aux is None else leading_dimension(epilogue, d.shape[1]),
        Alignments(*map(_alignment, addresses)),
    )
    plan_for(d.data.device_id, problem).run(rows, addresses)


def _alignment(address: int) -> int:
    """Return the greatest power of two that divides an address, up to 16; 0 for no address."""
    return address and min(address & -address, _VECTOR_BYTES)


def _check(name: str, array: Any, shape: tuple[int, ...], dtype: Any) -> None:
    _require(array.ndim == 2, f"{name} must have two axes; got shape {array.shape}")
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} must have shape {shape} and dtype {dtype}; got {array.shape} of {array.dtype}"
        )
    _require(array.flags.c_contiguous, f"{name} must have contiguous rows")


def _check_vector(name: str, array: Any, wanted: bool, length: int, dtype: Any) -> None:
    if not wanted:
        _require(array is None, f"{name} is given, but the epilogue has none")
        return
    _require(array is not None, f"the epilogue needs {name}")
    if array.shape != (length,) or array.dtype != dtype:
        raise ValueError(
            f"{name} must have shape ({length},) and dtype {dtype}; "
            f"got {array.shape} of {array.dtype}"
        )
    _require(array.flags.c_contiguous, f"{name} must be contiguous")


def _require(true: bool, message: str) -> None:
    if not true:
        raise ValueError(message)
