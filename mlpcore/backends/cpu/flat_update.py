"""The step of an optimizer over a whole flat buffer, by the compiled kernel."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.fused_optimizer import fused_optimizer

if TYPE_CHECKING:
    from mlpcore.backends.cpu.library import Library


def flat_update(
    optimizer: Any,
    p: Any,
    g: Any,
    moments: Mapping[str, Any],
    step: int,
    lr: float | None,
    library_with: Callable[[str], "Library | None"],
) -> bool:
    """Take a step on the flat vector `p`, in place and without temporaries.

    Parameters
    ----------
    optimizer : Optimizer
        Any at all.
    p, g : ndarray, shape (length,)
        The parameters and their gradient.
    moments : mapping of str to ndarray
        What the optimizer remembers, vectors like `p`; changed in place.
    step : int
        The number of the step, from 1.
    lr : float or None
        Its learning rate; None is the optimizer's own.
    library_with : callable
        Returns the kernels for the dtype of p with a unit loaded, or None without them.

    Returns
    -------
    bool
        False where no kernel does it; then nothing has changed.

    Raises
    ------
    ValueError
        If `step` is not positive.
    """
    rule = fused_optimizer(optimizer)
    if rule is None:
        return False
    vectors = [p, g, *(moments[name] for name in rule.state_names)]
    if not all(_fits(vector, p) for vector in vectors):
        return False
    unit = f"update.{rule.kernel}"
    library = library_with(unit)
    if library is None:
        return False
    settings = rule.settings(step, optimizer.lr if lr is None else float(lr), p.dtype)
    places = [data_address(vector) for vector in vectors]
    places += [0] * (4 - len(places))
    sweep = library.kernels(unit).function(rule.kernel)
    sweep(*places, p.size, data_address(settings))
    return True


def _fits(vector: Any, p: Any) -> bool:
    """Whether the kernel can read a vector as it reads `p`."""
    return (
        isinstance(vector, np.ndarray)
        and vector.dtype == p.dtype
        and vector.shape == p.shape
        and vector.flags.c_contiguous
        and vector.flags.aligned
    )
