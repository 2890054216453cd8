"""Threads, forks, interrupts and the end of the process: no hang, no crash, no mixture, no leak."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import engine_ends, engine_forks, engine_memory, engine_threads
from support.engine_helpers import predicts_and_trains

from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(
    instruction_set() is None, reason="this processor has no fused multiply-add"
)


@pytest.fixture(autouse=True, scope="module")
def _compiled_before():
    """Keep the kernels that all cases need on disk."""
    predicts_and_trains()


def holds(module, case):
    """Run a case in a process of its own and demand that it ends well and says nothing."""
    found = subprocess.run(
        [sys.executable, "-X", "faulthandler", module.__file__, case.__name__],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, "")


def each_of(module):
    return pytest.mark.parametrize("case", module.CASES, ids=lambda case: case.__name__)


@each_of(engine_threads)
def test_many_threads(case):
    holds(engine_threads, case)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@each_of(engine_forks)
def test_forks(case):
    holds(engine_forks, case)


@each_of(engine_ends)
def test_interrupts_and_the_end(case):
    holds(engine_ends, case)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux about its memory")
@each_of(engine_memory)
def test_memory(case):
    holds(engine_memory, case)
