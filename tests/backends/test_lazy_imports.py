"""`import mlpcore` leaves what trains to those who train."""

import subprocess
import sys

import pytest

import mlpcore

LAZY = ("mlpcore.optim", "mlpcore.callbacks", "mlpcore.training.fit", "mlpcore.training.trainer")


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_import_leaves_training_alone():
    loaded = run(f"import sys, mlpcore; print([m for m in {LAZY!r} if m in sys.modules])")
    assert loaded == "[]"


def test_a_prediction_does_not_train():
    code = (
        "import sys, numpy, mlpcore\n"
        "mlpcore.MLP([2, 2], device='cpu')(numpy.zeros((1, 2), 'f4'))\n"
        f"print([m for m in {LAZY!r} if m in sys.modules])"
    )
    assert run(code) == "[]"


@pytest.mark.parametrize("name", ["Trainer", "Group", "ema", "optimizer", "optim", "callbacks"])
def test_a_name_is_there_when_somebody_asks(name):
    assert run(f"import mlpcore; print(mlpcore.{name} is not None)") == "True"
    assert run(f"from mlpcore import {name}; print({name} is not None)") == "True"


def test_every_public_name_can_be_listed_and_had():
    for name in mlpcore.__all__:
        assert name in dir(mlpcore)
        assert getattr(mlpcore, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mlpcore' has no attribute 'Transformer'"):
        mlpcore.Transformer  # noqa: B018
