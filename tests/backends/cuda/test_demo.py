"""The demo learns on the GPU what it learns on the CPU, by the same way."""

import json

import numpy as np
import pytest

from mlpcore.bench import gauges
from mlpcore.cli import demo, main


@pytest.fixture(autouse=True)
def _little_to_time(monkeypatch):
    monkeypatch.setattr(gauges, "PEAK_SECONDS", 0.001)
    monkeypatch.setattr(gauges, "BANDWIDTH_SECONDS", 0.001)
    monkeypatch.setattr(demo, "BATCH_SIZES", (1,))
    monkeypatch.setattr(demo, "SECONDS", 0.0)


def demo_on(device, monkeypatch, capsys):
    """Return what ``mlpcore demo`` says of its first epochs on a device."""
    monkeypatch.setenv("MLPCORE_DEVICE", device)
    assert main(["demo", "--json", "--epochs", "3"]) == 0
    return json.loads(capsys.readouterr().out)


def test_accuracy_and_loss_curve_are_those_of_the_cpu(monkeypatch, capsys):
    there, here = (demo_on(device, monkeypatch, capsys) for device in ("cuda", "cpu"))
    assert {row["device"] for row in there["throughput"]} == {"cuda:0"}
    np.testing.assert_allclose(there["loss"], here["loss"], rtol=1e-5)
    assert there["test_accuracy"] == here["test_accuracy"] > 0.9
