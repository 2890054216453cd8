"""Runs the tests in with_cupy/ in a process that has the double in place.

In this process it must not be: other tests ask whether there is a GPU.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "ci")}


@pytest.fixture(autouse=True)
def _needs_cupy() -> None:
    from gpu_on_cpu import installed_device

    if importlib.util.find_spec("cupy") is None:
        pytest.skip("cupy is not installed")
    if installed_device() is not None:
        pytest.skip("the double is in place here, so with_cupy/ runs in this very process")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_real_cupy_runs_and_agrees_with_numpy():
    folder = str(Path(__file__).parent / "with_cupy")
    answer = run(
        "-m", "pytest", "-q", "-p", "gpu_on_cpu.pytest_plugin", "-p", "no:cacheprovider", folder
    )
    assert answer.returncode == 0, answer.stdout[-6000:] + answer.stderr[-2000:]
    assert "passed" in answer.stdout


def test_a_script_is_run_as_the_main_program(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, cupy\n"
        "assert __name__ == '__main__'\n"
        "print(sys.argv[1:], int(cupy.arange(5).sum()))\n"
    )
    answer = run("-m", "gpu_on_cpu", "--order", "reverse", str(script), "-m", "--order", "x")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "['-m', '--order', 'x'] 10\n"


def test_a_module_is_run_as_the_main_program(tmp_path):
    (tmp_path / "program.py").write_text("import cupy, sys; print(sys.argv[1:], __name__)\n")
    answer = subprocess.run(
        [sys.executable, "-m", "gpu_on_cpu", "-m", "program", "one"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "['one'] __main__\n"


def test_installing_after_cupy_is_imported_is_an_error():
    answer = run("-c", "import cupy, gpu_on_cpu; gpu_on_cpu.install()")
    assert answer.returncode != 0
    assert "must come before cupy is imported" in answer.stderr
