"""The kernels of an activation, and what its backward kernel must be given."""

from typing import NamedTuple

from mlpcore.backends.cpu.library import Library
from mlpcore.kernels.reference.operation import Scope
from mlpcore.kernels.reference.operations import Activation

KEEPS_A = frozenset({"relu", "identity", "softmax", "log_softmax"})
"""Activations whose backward kernel reads a and not z, so that z may be written over."""


class ActivationKernels(NamedTuple):
    """The addresses of an activation's kernels.

    Attributes
    ----------
    forward, backward : int
        The kernels: of elements, or with `by_row` of panels.
    by_row : bool
        Whether they work on whole rows.
    keeps_z : bool
        Whether `backward` reads z.
    settings : tuple of float
        The settings, sorted by name.
    """

    forward: int
    backward: int
    by_row: bool
    keeps_z: bool
    settings: tuple[float, ...]


def activation_kernels(activation: Activation, library: Library) -> ActivationKernels:
    """Return the kernels of `activation`, which has some."""
    by_row = activation.function.scope is Scope.ROW
    name = activation.name
    kernels = library.kernels(f"{'rows' if by_row else 'activation'}.{name}")
    values = dict(activation.function.defaults) | dict(activation.settings)
    return ActivationKernels(
        kernels[f"{name}_forward"],
        kernels[f"{name}_backward"],
        by_row,
        name not in KEEPS_A,
        tuple(values[key] for key in sorted(values)),
    )
