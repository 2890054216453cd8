"""Prediction of many rows: whole, in parts that the user asks for, and into an array of theirs."""

import numpy as np

from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, host_parameters
from mlpcore.selfcheck.running_error import Approximate, Exact


def check(place: Place, findings: Findings) -> None:
    """Check more rows than a GPU takes at once, unless it has to be quick."""
    rows = 3001 if place.quick else 70001
    model = place.model((8, 32, 3), "tanh")
    x = place.random(rows, 8)
    z: Approximate = Exact(host_parameters(model), "tanh", place.dtype).forward(x)
    findings.within("whole", model(x), z.exact, z.off)
    findings.within("in parts", model.predict(x, batch_size=1000), z.exact, z.off)
    out = np.full((rows, 3), np.nan, place.dtype)
    model(x, out)
    findings.within("into an array", out, z.exact, z.off)
    findings.within("one row", model(x[-1]), z.exact[-1], z.off[-1])
