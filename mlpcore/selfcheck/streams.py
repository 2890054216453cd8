"""Everything is queued on CuPy's current stream, behind what the user has queued there before."""

from typing import Any

from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place

_WIDTH = 2048
_DELAYS = 20


def check(place: Place, findings: Findings) -> None:
    """Check passes on a stream of their own whose input is written at the end of long work.

    Work on another stream, which does not wait for this one, would read the input too early.
    """
    model = place.model((11, 70, 5), "gelu", output="softmax")
    x, t = place.random(65, 11), place.labels(65, 5)
    expected = _passes(model, x, t)
    with place.active():
        xp = place.backend.xp
        late, source = xp.zeros((65, 11), place.dtype), xp.asarray(x)
        labels = xp.asarray(t)
        width = 64 if place.quick else _WIDTH
        busy = xp.ones((width, width), "float32")
        place.backend.synchronize()
        stream = xp.cuda.Stream(non_blocking=True)
        with stream:
            for _ in range(_DELAYS):
                busy = xp.matmul(busy, busy) * (1 / width)
            late[...] = source
            found = _passes(model, late, labels)
            loss = model.trainer("cross_entropy", "sgd").step(late, labels)
        stream.synchronize()
        for name, value in found.items():
            findings.same_bits(name, value.get(), expected[name])
        findings.require(bool(xp.isfinite(loss)), "the loss of a step is not finite")


def _passes(model: Any, x: Any, t: Any) -> dict[str, Any]:
    _, grads = model.value_and_grad(x, t, loss="cross_entropy", input_gradient=True)
    return {"prediction": model(x), "gradient": grads.flat, "dx": grads.input}
