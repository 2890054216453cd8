"""Every instruction set computes the same bits, and without any the reference the same values."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import computed_bits

from mlpcore.backends.cpu import compiled as compiled_module
from mlpcore.backends.cpu.compiled import compiled, why_not
from mlpcore.kernels.cpu.codegen.instruction_set import (
    OFF,
    VARIABLE,
    instruction_set,
    supported,
)

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(not supported(), reason="this processor has no fused multiply-add")


def bits_computed_with(isa):
    """Return the hashes of `support.computed_bits` from a process that uses `isa`."""
    done = subprocess.run(
        [sys.executable, computed_bits.__file__],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {VARIABLE: isa.name, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def widest():
    return bits_computed_with(supported()[0])


def test_predictions_gradients_and_training_are_compared_in_both_dtypes(widest):
    parts = {tuple(name.split(":")[0].split()) for name in widest}
    assert parts == {
        (dtype, part)
        for dtype in ("float32", "float64")
        for part in ("predictions", "gradients", "training")
    }
    # The hashes tell results apart: other numbers, other bits.
    assert len(set(widest.values())) > 0.9 * len(widest)


@pytest.mark.parametrize("isa", supported()[1:], ids=lambda isa: isa.name)
def test_an_instruction_set_computes_the_bits_of_the_widest(isa, widest):
    assert bits_computed_with(isa) == widest


@pytest.fixture
def choose(monkeypatch):
    """Return a function that sets the variable, in a process that has asked for nothing before."""

    def choose(name):
        monkeypatch.setattr(compiled_module, "_problems", {})
        monkeypatch.setenv(VARIABLE, name)

    return choose


def test_switched_off_there_are_no_kernels_and_one_line_says_so(choose, caplog):
    caplog.set_level(logging.INFO, logger="mlpcore")
    choose("None")
    assert instruction_set() is None
    assert instruction_set(OFF) is None
    assert [compiled("float32"), compiled("float64", "few"), compiled("float32")] == [None] * 3
    assert why_not() == f"{VARIABLE} is {OFF}"
    (said,) = caplog.records
    assert said.levelno == logging.INFO
    assert why_not() in said.getMessage()


@pytest.mark.parametrize("dtype", computed_bits.DTYPES)
def test_switched_off_a_model_computes_the_same_to_rounding(dtype, choose):
    def computed():
        model = computed_bits.perceptron(dtype, [13, 64, 48, 5], "gelu", "softmax")
        loss, grads = model.value_and_grad(x, t)
        return model(x), loss, grads.flat

    x, t = computed_bits.exact(np.random.default_rng(0), 33, 13), np.arange(33) % 5
    choose(supported()[0].name)
    fused = computed()
    assert why_not() is None
    choose(OFF)
    plain = computed()
    assert why_not() == f"{VARIABLE} is {OFF}"

    # Sums of up to 64 terms of values of order 1: rounding stays far below 500 eps.
    eps = 500 * np.finfo(dtype).eps
    for a, b in zip(plain, fused, strict=True):
        np.testing.assert_allclose(a, b, rtol=eps, atol=eps)
