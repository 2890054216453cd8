"""Threads, forks, interrupts and the end of the process: no hang, no crash, no mixture, no leak."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import engine_cases

from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(
    instruction_set() is None, reason="this processor has no fused multiply-add"
)


@pytest.fixture(autouse=True, scope="module")
def _compiled_before():
    """Keep the kernels that all cases need on disk."""
    engine_cases.predicts_and_trains()


@pytest.mark.parametrize("case", engine_cases.CASES, ids=lambda case: case.__name__)
def test_in_a_process_of_its_own(case):
    if case in engine_cases.LINUX_ONLY and sys.platform != "linux":
        pytest.skip("asks Linux about its memory")
    if case in engine_cases.FORKING and not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    found = subprocess.run(
        [sys.executable, "-X", "faulthandler", engine_cases.__file__, case.__name__],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, "")
