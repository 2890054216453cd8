"""Activations as formulas of one number: one short file a family, and the table of all by name."""

from collections.abc import Mapping

from .exponential import CELU, ELU, SELU
from .function import ActivationFormula
from .gaussian import GELU, GELU_TANH
from .hard import HARD_SIGMOID, HARD_SWISH
from .logistic import SIGMOID, SILU, SOFTPLUS
from .mish import MISH
from .periodic import SIN
from .rectifier import IDENTITY, LEAKY_RELU, RELU
from .saturating import SOFTSIGN, TANH

FORMULAS: Mapping[str, ActivationFormula] = {
    formula.name: formula
    for formula in (
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
    )
}
"""Every elementwise activation by its name."""

__all__ = ["FORMULAS", "ActivationFormula"]
