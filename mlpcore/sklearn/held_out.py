"""Which rows early stopping keeps out of training."""

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split


def divide(rows: int, part: float, strata: Any, random_state: Any) -> tuple[Any, Any]:
    """Return the numbers of the rows to train on, and of those to validate.

    Parameters
    ----------
    rows : int
        How many there are.
    part : float
        The part to validate, between 0 and 1.
    strata : ndarray, shape (rows,), or None
        The class of each row: classes get their share on both sides where all have enough rows.
    random_state : RandomState
        What the draw comes from.

    Raises
    ------
    ValueError
        If fewer than two rows would be left on one side.
    """
    held = int(np.ceil(part * rows))
    if held < 2 or rows - held < 1:
        side = f"{held} to validate, and 2 are needed" if held < 2 else "none to train on"
        raise ValueError(
            f"early_stopping with validation_fraction={part:g} of {rows} rows leaves {side}; "
            "change validation_fraction or give more rows"
        )
    if strata is not None:
        counts = np.unique(strata, return_counts=True)[1]
        if counts.min() < 2 or len(counts) > min(held, rows - held):
            strata = None
    kept, out = train_test_split(
        np.arange(rows), test_size=part, stratify=strata, random_state=random_state
    )
    return np.sort(kept), np.sort(out)
