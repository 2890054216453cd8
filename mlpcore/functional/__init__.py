"""The mathematics of a multilayer perceptron as plain functions on arrays.

Every function takes NumPy arrays, CuPy arrays, or those of any library that speaks DLPack, and
returns the kind it was given; lists and numbers count as NumPy.  Kinds cannot be mixed in one call.
Results are float32 or float64: the widest dtype among the floating-point inputs, to which integers,
booleans and lists are converted, and float64 where there is none; float16 is computed in float32.
Complex numbers, strings and objects raise TypeError.  The losses alone compute in the dtype of the
logits, whatever that of the targets.

``out=`` takes an array of the result's kind, shape and dtype to write to, which may overlap the
inputs.  NaN and infinities come out as IEEE 754 says, without warnings.
"""

from mlpcore.functional._activations import (
    celu,
    elu,
    gelu,
    gelu_tanh,
    hard_sigmoid,
    hard_swish,
    identity,
    leaky_relu,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    sin,
    softplus,
    softsign,
    tanh,
)
from mlpcore.functional._affine import affine
from mlpcore.functional._affine_activations import (
    affine_celu,
    affine_elu,
    affine_gelu,
    affine_gelu_tanh,
    affine_hard_sigmoid,
    affine_hard_swish,
    affine_identity,
    affine_leaky_relu,
    affine_log_softmax,
    affine_mish,
    affine_relu,
    affine_selu,
    affine_sigmoid,
    affine_silu,
    affine_sin,
    affine_softmax,
    affine_softplus,
    affine_softsign,
    affine_tanh,
)
from mlpcore.functional._losses import (
    binary_cross_entropy,
    cross_entropy,
    huber,
    mae,
    mse,
    nll,
    poisson,
)
from mlpcore.functional._propagation import (
    Gradients,
    Propagation,
    backward_propagation,
    forward_propagation,
)
from mlpcore.functional._softmax import log_softmax, logsumexp, softmax

__all__ = [
    "Gradients",
    "Propagation",
    "affine",
    "affine_celu",
    "affine_elu",
    "affine_gelu",
    "affine_gelu_tanh",
    "affine_hard_sigmoid",
    "affine_hard_swish",
    "affine_identity",
    "affine_leaky_relu",
    "affine_log_softmax",
    "affine_mish",
    "affine_relu",
    "affine_selu",
    "affine_sigmoid",
    "affine_silu",
    "affine_sin",
    "affine_softmax",
    "affine_softplus",
    "affine_softsign",
    "affine_tanh",
    "backward_propagation",
    "binary_cross_entropy",
    "celu",
    "cross_entropy",
    "elu",
    "forward_propagation",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "huber",
    "identity",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "mae",
    "mish",
    "mse",
    "nll",
    "poisson",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "sin",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]
