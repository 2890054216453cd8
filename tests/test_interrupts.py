"""Ctrl-C and other signals, at any moment, leave a whole model that still works."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import interrupted

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer signals")
@pytest.mark.parametrize("case", interrupted.CASES, ids=lambda case: case.__name__)
def test_in_a_process_of_its_own(case):
    found = subprocess.run(
        [sys.executable, interrupted.__file__, case.__name__],
        env=os.environ | {"PYTHONPATH": str(ROOT), "MLPCORE_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
