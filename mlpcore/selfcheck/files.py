"""A model that is saved and loaded again is the same model."""

import tempfile
from pathlib import Path

from mlpcore.model import MLP
from mlpcore.selfcheck.findings import Findings
from mlpcore.selfcheck.place import Place, host_parameters


def check(place: Place, findings: Findings) -> None:
    """Check the parameters on the device and on the CPU, and what the loaded model predicts."""
    model = place.model((7, 12, 3), "gelu", output="softmax")
    x = place.random(5, 7)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        again, on_cpu = (MLP.load(path, device=device) for device in (place.device, "cpu"))
    findings.require(again.equals(model), "the loaded model is not the one that was saved")
    for name, value in host_parameters(model).items():
        findings.same_bits(f"{name} on the CPU", host_parameters(on_cpu)[name], value)
    findings.same_bits("the prediction", again(x), model(x))
