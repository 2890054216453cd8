"""Activations and their derivatives: one short file a family, and the table of all by name."""

from collections.abc import Mapping

from .exponential import CELU, ELU, SELU
from .function import ActivationFunction
from .gaussian import GELU, GELU_TANH
from .hard import HARD_SIGMOID, HARD_SWISH
from .logistic import SIGMOID, SILU, SOFTPLUS
from .mish import MISH
from .periodic import SIN
from .rectifier import IDENTITY, LEAKY_RELU, RELU
from .rowwise import LOG_SOFTMAX, SOFTMAX
from .saturating import SOFTSIGN, TANH

ACTIVATIONS: Mapping[str, ActivationFunction] = {
    function.name: function
    for function in (
        IDENTITY,
        RELU,
        LEAKY_RELU,
        ELU,
        SELU,
        CELU,
        GELU,
        GELU_TANH,
        SILU,
        MISH,
        SIGMOID,
        HARD_SIGMOID,
        HARD_SWISH,
        TANH,
        SOFTPLUS,
        SOFTSIGN,
        SIN,
        SOFTMAX,
        LOG_SOFTMAX,
    )
}
"""Every activation by its name."""

__all__ = ["ACTIVATIONS", "ActivationFunction"]
