"""What every test may use: the device under test and hypothesis profiles."""

import os
import signal

import hypothesis
import pytest

hypothesis.settings.register_profile("default", deadline=None, max_examples=25)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=500, derandomize=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# A shell that runs tests in the background lets them, and what they start, ignore interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TEST_DEVICE = os.environ.get("MLPCORE_TEST_DEVICE", "cpu")


@pytest.fixture
def device() -> str:
    """The device that the shared suite runs on: MLPCORE_TEST_DEVICE, by default the CPU."""
    return TEST_DEVICE


@pytest.fixture(autouse=True)
def _cpu_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models go to the CPU by default, and a GPU has the kernels that all have.

    Whatever this machine has, and its user has set and measured.
    """
    monkeypatch.setenv("MLPCORE_DEVICE", "cpu")
    monkeypatch.setenv("MLPCORE_CUDA_TABLE", "off")
