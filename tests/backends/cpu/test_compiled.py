"""Without kernels the reference runs, and says once why."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlpcore.backends.cpu import compiled as compiled_module
from mlpcore.backends.cpu import library as library_module
from mlpcore.backends.cpu.code_cache import CodeCache
from mlpcore.backends.cpu.compiled import compiled, why_not
from mlpcore.kernels.cpu import units
from mlpcore.kernels.cpu.codegen import instruction_set as instruction_sets

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "tests" / "support" / "units"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """Begin as a process does that has asked for nothing, and keeps nothing on disk."""
    monkeypatch.setattr(units, "__path__", [*units.__path__, str(EXAMPLES)])
    monkeypatch.setattr(compiled_module, "_problems", {})
    monkeypatch.setattr(library_module, "_libraries", {})
    monkeypatch.setattr(library_module, "default_cache", lambda: CodeCache(None))
    monkeypatch.delenv(instruction_sets.VARIABLE, raising=False)


@pytest.fixture
def warnings(caplog):
    """Return a function that gives what was logged as a warning."""
    caplog.set_level(logging.WARNING, logger="mlpcore")
    return lambda: [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def test_there_are_kernels(warnings):
    found = compiled("float32", "scale")
    assert found.kernels("scale")["scale"]
    assert found.isa == instruction_sets.instruction_set()
    assert why_not() is None
    assert warnings() == []


@pytest.mark.parametrize("isa", instruction_sets.supported(), ids=lambda isa: isa.name)
def test_the_variable_names_the_instruction_set(isa, monkeypatch):
    monkeypatch.setenv(instruction_sets.VARIABLE, isa.name)
    assert compiled("float64").isa == isa


def test_an_unknown_instruction_set_is_an_error_that_lists_those_there_are(monkeypatch):
    monkeypatch.setenv(instruction_sets.VARIABLE, "nonsense")
    with pytest.raises(ValueError, match="no instruction set 'nonsense'") as error:
        compiled("float32")
    assert all(isa.name in str(error.value) for isa in instruction_sets.supported())
    foreign = set(instruction_sets.INSTRUCTION_SETS) - {
        isa.name for isa in instruction_sets.supported()
    }
    monkeypatch.setenv(instruction_sets.VARIABLE, foreign.pop())
    with pytest.raises(ValueError, match="this processor does not have"):
        compiled("float32")


def test_a_processor_without_fused_multiply_add_has_no_kernels(monkeypatch, warnings):
    monkeypatch.setattr(instruction_sets, "supported", lambda: ())
    assert [compiled("float32"), compiled("float32"), compiled("float64")] == [None] * 3
    assert "no fused multiply-add" in why_not()
    (said,) = warnings()
    assert why_not() in said


@pytest.mark.parametrize("error", [RuntimeError("LLVM ERROR"), OSError(1, "no"), AssertionError()])
def test_whatever_goes_wrong_in_a_compilation_is_told_once(error, monkeypatch, warnings):
    attempts = []

    def fail(*arguments):
        attempts.append(arguments)
        raise error

    monkeypatch.setattr(library_module, "compile_unit", fail)
    assert [compiled("float32", "scale") for _ in range(3)] == [None] * 3
    assert len(attempts) == 1
    assert f"{type(error).__name__}: {error}" in why_not()
    assert len(warnings()) == 1


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_the_kernels_is_raised(error, monkeypatch):
    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(library_module, "compile_unit", fail)
        with pytest.raises(error):
            compiled("float32", "scale")
    assert compiled("float32", "scale") is not None


BROKEN = """
import logging, sys
logging.basicConfig(format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
import numpy as np
from mlpcore import MLP
from mlpcore.backends.cpu.compiled import compiled, why_not
assert compiled(np.float32) is None and compiled(np.float64) is None
model = MLP([4, 8, 3], activation="relu", seed=0)
print(model(np.ones((2, 4))).shape, why_not())
"""


@pytest.mark.parametrize("failure", ["ImportError('no such wheel')", "OSError('libLLVM is gone')"])
def test_with_a_broken_llvmlite_a_model_predicts_and_the_reason_is_a_warning(failure, tmp_path):
    (tmp_path / "llvmlite").mkdir()
    (tmp_path / "llvmlite" / "__init__.py").write_text(f"raise {failure}\n")
    done = subprocess.run(
        [sys.executable, "-c", BROKEN],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    said, result = done.stdout.splitlines()
    reason = failure.partition("'")[2].rstrip("')")
    assert said.startswith("WARNING mlpcore computing with NumPy")
    assert reason in said
    assert result.startswith("(2, 3) llvmlite cannot be imported")
