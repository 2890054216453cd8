"""An affine map and the activation after it in one call: a = f(x Wᵀ + b)."""

import inspect
from typing import Any, Protocol

import numpy as np

from mlpcore.functional._affine import Layout, affine_map, check_affine, out_in
from mlpcore.functional._arrays import A, enter
from mlpcore.functional._kernels import activate
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.nn.activations import activation


class AffineActivation(Protocol):
    """The signature that all functions of this file share."""

    def __call__(
        self,
        x: A,
        W: A,
        b: A | None = None,
        *,
        layout: Layout = "out_in",
        out: A | None = None,
        **settings: float,
    ) -> A:
        """Return f(x Wᵀ + b)."""


def affine_then(name: str) -> AffineActivation:
    """Return the function ``affine_<name>``, with the activation's settings in its signature."""

    @np.errstate(all="ignore")
    def function(
        x: A,
        W: A,
        b: A | None = None,
        *,
        layout: Layout = "out_in",
        out: A | None = None,
        **settings: float,
    ) -> A:
        f = activation(name, **settings)
        frame, (x_, W_, b_) = enter(x=x, W=W, b=b, out=out)
        W_ = out_in(W_, layout)
        check_affine(x_.shape, W_, b_, layout)
        target = frame.target(out, (*x_.shape[:-1], W_.shape[0]))
        z = affine_map(x_, W_, b_)
        result: A = frame.give(activate(frame.xp, f, z), out, target)
        return result

    defaults = ACTIVATIONS[name].defaults
    function.__name__ = function.__qualname__ = f"affine_{name}"
    function.__doc__ = _doc(name, defaults)
    parameters = list(inspect.signature(function).parameters.values())[:-1]
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        parameters
        + [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=float)
            for key, value in defaults.items()
        ],
        return_annotation=A,
    )
    return function


def _doc(name: str, defaults: Any) -> str:
    settings = "".join(
        f"    {key} : float, default {value}\n        The setting of `{name}`.\n"
        for key, value in defaults.items()
    )
    return f"""Return {name}(x Wᵀ + b).

    Parameters
    ----------
    x : array, shape (..., in)
        One sample or any number of them.
    W : array, shape (out, in), or (in, out) with ``layout="in_out"``
        The weights.
    b : array, shape (out,), optional
        The bias.
    layout : {{"out_in", "in_out"}}, default "out_in"
        How `W` is stored.
    out : array, shape (..., out), optional
        Where to write the result.
{settings}
    Returns
    -------
    array, shape (..., out)

    Raises
    ------
    ValueError
        If the shapes do not fit, or `layout` is unknown.
    TypeError
        If the arrays are of different kinds, or one does not hold real numbers.

    See Also
    --------
    affine : The same without the activation.
    """


affine_identity = affine_then("identity")
affine_relu = affine_then("relu")
affine_leaky_relu = affine_then("leaky_relu")
affine_elu = affine_then("elu")
affine_selu = affine_then("selu")
affine_celu = affine_then("celu")
affine_gelu = affine_then("gelu")
affine_gelu_tanh = affine_then("gelu_tanh")
affine_silu = affine_then("silu")
affine_mish = affine_then("mish")
affine_sigmoid = affine_then("sigmoid")
affine_hard_sigmoid = affine_then("hard_sigmoid")
affine_hard_swish = affine_then("hard_swish")
affine_tanh = affine_then("tanh")
affine_softplus = affine_then("softplus")
affine_softsign = affine_then("softsign")
affine_sin = affine_then("sin")
affine_softmax = affine_then("softmax")
affine_log_softmax = affine_then("log_softmax")
