"""Elementwise activations: a = f(z) and dz = da f'(z), over the whole range of z."""

import numpy as np

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.fallbacks import note_missing_kernels
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, wide

_WIDTH = 13
_SPECIAL = (0.0, -0.0, 1e-30, -1e-30, 3.0, -3.0, 88.0, -88.0, 1e4, -1e4)
"""Zeros, almost zeros, the kinks of the hard functions, and where exponentials end."""


def check(place: Place, findings: Findings, *, name: str) -> None:
    """Check an activation behind a layer that changes nothing, forward and backward."""
    note_missing_kernels(place, findings)
    bounds, function = Bounds(place.dtype), ACTIVATIONS[name]
    settings = dict(function.defaults)
    model = place.identity(_WIDTH, activation=[name])
    for rows in (1, 37) if place.quick else (1, 2, 37, 515):
        x = place.random(rows, _WIDTH, scale=4.0)
        x[0, : len(_SPECIAL)] = _SPECIAL
        da = place.random(rows, _WIDTH, seed=5)
        a, cache = model.forward(x)
        dz = model.backward(cache, da, intermediates=True).layers[0].dz
        z, da = wide(x), wide(da)
        exact = function.forward(np, z, **settings)
        assert function.derivative is not None  # it is elementwise
        slope = function.derivative(np, z, exact, **settings)
        findings.within("a", a, exact, bounds.function(exact, z, slope))
        findings.within(
            "dz", dz, function.backward(np, z, exact, da, **settings), bounds.derivative(da)
        )
