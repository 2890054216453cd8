r"""Functions of a whole row, softmax and log-softmax, of short rows and of long ones.

With p = softmax(z), dz is p (da - Σ p da) behind a softmax and da - p Σ da behind a log-softmax.
"""

import numpy as np

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.selfcheck.bounds import Bounds
from mlpcore.selfcheck.fallbacks import note_missing_kernels
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, wide


def check(place: Place, findings: Findings, *, name: str) -> None:
    """Check what follows a layer, whose z is as the device computed it, forward and backward."""
    note_missing_kernels(place, findings)
    bounds, function = Bounds(place.dtype), ACTIVATIONS[name]
    lengths = (1, 2, 10, 33, 1000) if place.quick else (1, 2, 3, 10, 32, 33, 257, 1000, 1025, 4099)
    for length in lengths:
        model = place.model([3, length], [name])
        x, da = place.random(17, 3, scale=3.0), place.random(17, length)
        a, cache = model.forward(x)
        dz = model.backward(cache, da, intermediates=True).layers[0].dz
        z, da = wide(cache.layers[0].z), wide(da)
        exact = function.forward(np, z)
        p, relative = ACTIVATIONS["softmax"].forward(np, z), bounds.exponentials(z)
        exact_dz = function.backward(np, z, exact, da)
        sizes = np.abs(da)
        if name == "softmax":
            off = relative * p
            off_dz = 2 * relative * p * (sizes + (p * sizes).sum(axis=-1, keepdims=True))
        else:  # the logarithm of a sum that is off by `relative`, and one more rounding of z
            off = relative * (1 + np.abs(exact))
            off_dz = 2 * relative * (sizes + p * sizes.sum(axis=-1, keepdims=True))
        findings.within(f"a of rows of {length}", a, exact, off + bounds.tiny)
        findings.within(f"dz of rows of {length}", dz, exact_dz, off_dz + bounds.tiny)
