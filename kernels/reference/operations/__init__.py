"""The closed list of operations that a stage may apply around its matrix product: one file each."""

from collections.abc import Mapping

from ..operation import Operation
from .activation import Activation
from .bias import Bias
from .standardize import Standardize

OPERATIONS: Mapping[str, type[Operation]] = {
    cls.kind: cls for cls in (Activation, Bias, Standardize)
}
"""The class of each operation by the name that a saved network uses."""

__all__ = ["OPERATIONS", "Activation", "Bias", "Standardize"]
