"""Short samples of the machine's limits: these tests look at the bookkeeping."""

import pytest

from mlpcore.bench import gauges


@pytest.fixture(autouse=True)
def _short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "PEAK_SECONDS", 0.001)
    monkeypatch.setattr(gauges, "BANDWIDTH_SECONDS", 0.001)
    monkeypatch.setattr(gauges, "START_SECONDS", 0.0)
