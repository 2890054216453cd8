"""The same work done twice gives the same bits."""

from typing import Any

import numpy as np

from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, host_parameters

_STEPS = 5


def check(place: Place, findings: Findings) -> None:
    """Check prediction, gradients and a few training steps of two models that are equal."""
    for sizes in ((9, 33, 4), (40, 300, 70, 10)):
        first, second = (_work(place, sizes) for _ in range(2))
        for name, value in first.items():
            findings.same_bits(f"{name} of {'-'.join(map(str, sizes))}", second[name], value)


def _work(place: Place, sizes: tuple[int, ...]) -> dict[str, Any]:
    model = place.model(sizes, "gelu", output="softmax")
    x, t = place.random(257, sizes[0]), place.labels(257, sizes[-1])
    loss, grads = model.value_and_grad(x, t, loss="cross_entropy", input_gradient=True)
    found = {"prediction": model(x), "gradient": grads.flat, "dx": grads.input}
    found["loss"] = np.asarray(loss, place.dtype)
    trainer = model.trainer("cross_entropy", "adam", lr=0.01)
    steps = [float(trainer.step(x, t)) for _ in range(_STEPS)]
    return found | {"losses of steps": np.array(steps)} | host_parameters(model)
