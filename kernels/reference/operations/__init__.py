"""The closed list of operations that a stage may apply around its matrix product: one file each."""

from collections.abc import Mapping

from ..operation import Operation
from .activation import Activation
from .batch_norm import BatchNorm
from .bias import Bias
from .dropout import Dropout
from .gaussian_noise import GaussianNoise
from .layer_norm import LayerNorm
from .residual import Residual
from .standardize import Standardize

OPERATIONS: Mapping[str, type[Operation]] = {
    cls.kind: cls
    for cls in (
        Activation,
        Bias,
        Standardize,
        Dropout,
        GaussianNoise,
        BatchNorm,
        LayerNorm,
        Residual,
    )
}
"""The class of each operation by the name that a saved network uses."""

__all__ = [
    "OPERATIONS",
    "Activation",
    "BatchNorm",
    "Bias",
    "Dropout",
    "GaussianNoise",
    "LayerNorm",
    "Residual",
    "Standardize",
]
