"""Values that lie on a device, as Python numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpcore.backends.base import Backend


def numbers_of(backend: Backend, values: Mapping[str, Any]) -> dict[str, float]:
    """Return values by name as Python numbers; from a GPU they come with one copy, one wait.

    Parameters
    ----------
    backend : Backend
        Where the values are.
    values : mapping of str to array of shape (), or number
        The values.  Those of a GPU lie there or are numbers.
    """
    xp = backend.xp
    there = {name: value for name, value in values.items() if hasattr(value, "ndim")}
    if xp is np or len(there) < 2:
        return {name: float(value) for name, value in values.items()}
    double = [xp.asarray(value, dtype=xp.float64) for value in there.values()]
    fetched = dict(zip(there, backend.to_host(xp.stack(double)).tolist(), strict=True))
    return {name: float(fetched.get(name, value)) for name, value in values.items()}
