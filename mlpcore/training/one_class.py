"""The warning that there is nothing to tell apart."""

from typing import Any

import numpy as np

from mlpcore.nn.losses import Loss
from mlpcore.warn import warn


def warn_if_one_class(t: Any, loss: Loss, outputs: int) -> None:
    """Warn if targets on the host are labels of more rows than one, all of the same class.

    Parameters
    ----------
    t : array, shape (rows,) or (rows, k)
        The targets.
    loss : Loss
        The loss that takes them.
    outputs : int
        How many logits there are.
    """
    binary = loss.expects == "probabilities" and outputs == 1
    labels = binary or (loss.expects == "classes" and t.ndim == 1)
    if not labels or not isinstance(t, np.ndarray) or t.size < 2:
        return
    first = t.item(0)
    if t.item(-1) == first and t.min() == first == t.max():
        warn(
            f"all {len(t)} targets are {first}: there is one class only, and nothing to tell apart",
            UserWarning,
        )
