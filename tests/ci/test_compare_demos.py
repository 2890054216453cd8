"""Loss curves of two devices are compared as closely as their precision lets them be."""

import json
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / "ci"

pytestmark = pytest.mark.skipif(not CI.is_dir(), reason="ci/ is not here")


@pytest.fixture
def compared(monkeypatch, tmp_path):
    """Return a function that compares curves which part by `apart` from an epoch on."""
    monkeypatch.syspath_prepend(str(CI))
    import compare_demos

    def compare(dtype, apart, epoch, accuracy=0.98):
        curves = [1.0] * 40, [1.0] * epoch + [1.0 + apart] * (40 - epoch)
        names = []
        for device, loss, share in zip(("cpu", "cuda:0"), curves, (0.98, accuracy), strict=True):
            row = {"device": device, "dtype": dtype}
            given = {"throughput": [row], "loss": loss, "test_accuracy": share, "seconds": 1.0}
            names.append(tmp_path / f"{device}.json")
            names[-1].write_text(json.dumps(given), "utf-8")
        return compare_demos.main(names)

    yield compare
    del sys.modules["compare_demos"]


@pytest.mark.parametrize(
    ("dtype", "apart", "epoch", "accepted"),
    [
        ("float64", 1e-14, 0, True),
        ("float64", 1e-12, 39, False),
        ("float32", 2e-7, 0, True),
        ("float32", 2e-5, 9, False),
        ("float32", 2e-4, 10, True),
        ("float32", 1e-3, 39, False),
    ],
)
def test_how_far_curves_may_part(compared, dtype, apart, epoch, accepted):
    assert (compared(dtype, apart, epoch) is None) == accepted


def test_both_recognise_as_many(compared):
    assert compared("float64", 0.0, 0, accuracy=0.97) == "the accuracies differ"
