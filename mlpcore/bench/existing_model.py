"""The forward pass of a model that is there already."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from mlpcore.backends.cpu.threads import default_num_threads
from mlpcore.bench.gauges import Gauges
from mlpcore.bench.report import Cell, Row
from mlpcore.bench.spec import Spec
from mlpcore.kernels.reference.operations import Activation
from mlpcore.model import MLP


def throughput(
    model: MLP,
    batch_sizes: Sequence[int] = (1, 32, 128, 1024),
    *,
    seconds: float = 0.2,
    seed: int = 0,
) -> list[Row]:
    """Time ``model(x)`` on standard normal host arrays x of each of `batch_sizes`.

    Parameters
    ----------
    model : MLP
        The model.
    batch_sizes : sequence of int
        Rows of a call.
    seconds : float
        How long each batch size is timed.
    seed : int
        Of the inputs and the order of turns.

    Returns
    -------
    list of Row
        One for each batch size, the contender being ``"mlpcore"``.
    """
    network = model.network
    names = {str(layer) for layer in network.layers if isinstance(layer, Activation)}
    spec = Spec(
        layers=network.widths,
        activation=", ".join(sorted(names)) or "identity",
        dtype=np.dtype(model.dtype).name,
        device=str(model.device),
        threads=default_num_threads(),
    )
    gauges = Gauges(spec)
    rng = np.random.default_rng(seed)
    cells = []
    for batch_size in batch_sizes:
        x = rng.standard_normal((batch_size, network.in_features)).astype(spec.dtype)
        measurement = gauges.measurement(
            {"mlpcore": partial(model, x)}, seconds, seed=seed, batch_size=batch_size
        )
        measurement.take()
        cells.append(
            Cell(
                spec,
                contender="mlpcore",
                device=spec.device,
                batch_size=batch_size,
                transfer_included=True,
                timing=measurement.timings()["mlpcore"],
            )
        )
    return [cell.row(gauges) for cell in cells]
