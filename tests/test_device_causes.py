"""Each cause for which a GPU is unavailable, in a process in which it holds.

The driver libraries are real shared libraries, compiled here, that the system's loader loads;
their ``cuInit`` aborts, so every test also shows that CUDA is not initialised. CuPy is a small
package in a folder, the only one besides the standard library from which the process imports.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlpcore

FAKE = Path(__file__).parent / "fake_nvidia"
LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1")
COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the fake libraries are for Linux"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler to build the fake libraries"),
]


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """A folder with a driver library and one with the management library."""
    folder = tmp_path_factory.mktemp("libraries")
    for name in LIBRARIES:
        (folder / name).mkdir()
        source = (FAKE / name).with_suffix("").with_suffix(".c")
        subprocess.run(
            [COMPILER, "-shared", "-fPIC", "-o", folder / name / name, source], check=True
        )
    # What does not load on a machine that has no driver must not load on one that has.
    for name in LIBRARIES:
        (folder / f"no {name}").mkdir()
        (folder / f"no {name}" / name).write_text("This is not a shared library.")
    return folder


class Machine:
    """A machine with as much of a GPU as a test gives it."""

    def __init__(self, libraries: Path, folder: Path) -> None:
        self.libraries, self.folder = libraries, folder
        self.have = dict.fromkeys(LIBRARIES, False)
        self.environ: dict[str, str] = {}

    def driver(self, cuda: int = 13000, gpus: int = 1, *, nvml: bool = True) -> None:
        self.have = dict(zip(LIBRARIES, (True, nvml), strict=True))
        self.environ |= {"FAKE_CUDA": str(cuda), "FAKE_GPUS": str(gpus)}

    def cupy(self, *names: str, source: str | None = None) -> None:
        (self.folder / "cupy").mkdir(exist_ok=True)
        source = (FAKE / "cupy.py").read_text() if source is None else source
        (self.folder / "cupy" / "__init__.py").write_text(source)
        for name in names:
            info = self.folder / f"{name.replace('-', '_')}-14.2.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 14.2\n")

    def run(self, program: str, **environ: str) -> list[dict]:
        """Run a program there and return what it printed, one object a line."""
        paths = [self.libraries / (n if have else f"no {n}") for n, have in self.have.items()]
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLPCORE_", "CUDA_", "PYTHON"))
        }
        environ = {
            **kept,
            **self.environ,
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, paths)),
            "PYTHONPATH": str(self.folder),
            "PACKAGE_FOLDER": str(Path(mlpcore.__file__).parent),
            **environ,
        }
        # -S: the interpreter's installed packages, CuPy perhaps among them, stay away.
        start = (FAKE / "ask.py").read_text()
        command = [sys.executable, "-S", "-c", start + program]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, expression: str = "d.resolve()", **environ: str) -> dict:
        """Ask for a GPU by the variable, unless told otherwise, and return what came of it."""
        environ = {"MLPCORE_DEVICE": "cuda", **environ}
        (answer,) = self.run(f"ask(lambda: {expression})", **environ)
        return answer


@pytest.fixture
def machine(libraries, tmp_path):
    return Machine(libraries, tmp_path)


def assert_unavailable(answer: dict, cause: str, *parts: str) -> None:
    """One line says who asked, why not, and what to do."""
    assert answer.get("cause") == cause, answer
    assert answer["headline"].startswith("MLPCORE_DEVICE=cuda")
    assert "; " in answer["headline"]
    for part in parts:
        assert part in answer["headline"]


START = "d.cupy_module(d.Device('cuda', 0))"


def test_a_machine_with_all_of_it_works_and_cupy_comes_only_when_used(machine):
    machine.driver(gpus=2)
    machine.cupy("cupy-cuda13x")
    assert machine.ask() == {"result": "cuda:0", "log": [], "cupy": False}
    assert machine.ask(MLPCORE_DEVICE="cuda:1")["result"] == "cuda:1"
    assert machine.ask(MLPCORE_DEVICE="auto") == {"result": "cuda:0", "log": [], "cupy": True}
    assert machine.ask(MLPCORE_DEVICE="cpu") == {"result": "cpu", "log": [], "cupy": False}
    assert machine.ask("[(i.name, i.available) for i in d.devices()[1:]]")["result"] == str(
        [("Fake GPU 0", True), ("Fake GPU 1", True)]
    )


@pytest.mark.parametrize(
    ("cuda", "extra"), [(12040, "cuda12"), (13000, "cuda13"), (14010, "cuda13")]
)
def test_cupy_not_installed(machine, cuda, extra):
    machine.driver(cuda)
    answer = machine.ask()
    assert_unavailable(
        answer,
        "CUPY_NOT_INSTALLED",
        f"pip install 'mlpcore[{extra}]'",
        "conda install -c conda-forge cupy",
    )


def test_a_folder_that_an_uninstalled_cupy_left_is_no_cupy(machine):
    machine.driver()
    (machine.folder / "cupy").mkdir()
    assert_unavailable(machine.ask(), "CUPY_NOT_INSTALLED")


def test_no_driver(machine):
    machine.cupy("cupy-cuda13x")
    answer = machine.ask()
    assert_unavailable(answer, "NO_DRIVER", "libcuda.so.1", "install the NVIDIA driver")
    assert "mlpcore[" not in answer["headline"]


def test_neither_driver_nor_cupy(machine):
    assert_unavailable(machine.ask(), "NO_DRIVER", "libcuda.so.1", "pip install 'mlpcore[cuda13]'")


@pytest.mark.parametrize(
    ("variable", "status", "words"),
    [
        ("FAKE_CUDA_STATUS", "34", "stub"),
        ("FAKE_CUDA_STATUS", "999", "cuDriverGetVersion returned 999"),
        ("FAKE_NVML_STATUS", "9", "kernel module is not loaded"),
        ("FAKE_NVML_STATUS", "18", "restart the machine"),
    ],
)
def test_a_driver_that_does_not_work(machine, variable, status, words):
    machine.driver()
    machine.cupy("cupy-cuda13x")
    assert_unavailable(machine.ask(**{variable: status}), "NO_DRIVER", words)


def test_no_device(machine):
    machine.driver(gpus=0)
    machine.cupy("cupy-cuda13x")
    assert_unavailable(machine.ask(), "NO_DEVICE", "finds no GPU", "nvidia-smi")


@pytest.mark.parametrize("nvml", [True, False])
@pytest.mark.parametrize("hiding", ["", "-1", "NoDevFiles"])
def test_devices_hidden_by_the_variable(machine, hiding, nvml):
    machine.driver(gpus=2, nvml=nvml)
    machine.cupy("cupy-cuda13x")
    answer = machine.ask(CUDA_VISIBLE_DEVICES=hiding)
    assert_unavailable(answer, "NO_DEVICE", f"CUDA_VISIBLE_DEVICES='{hiding}' hides", "unset it")


@pytest.mark.parametrize("package", [None, "cupy-cuda12x", "cupy-cuda13x"])
def test_a_driver_too_old_for_any_cupy(machine, package):
    machine.driver(cuda=11040)
    if package:
        machine.cupy(package)
    answer = machine.ask()
    assert_unavailable(answer, "DRIVER_TOO_OLD", "CUDA 11.4", "CUDA 12", "525 or newer")


def test_cupy_for_a_newer_cuda_than_the_driver(machine):
    machine.driver(cuda=12080)
    machine.cupy("cupy-cuda13x")
    assert_unavailable(
        machine.ask(),
        "CUDA_MAJOR_MISMATCH",
        "CUDA 12.8",
        "pip uninstall -y cupy-cuda13x && pip install 'mlpcore[cuda12]'",
        "580 or newer",
    )


def test_cupy_for_an_older_cuda_than_the_driver_is_fine(machine):
    machine.driver(cuda=13000)
    machine.cupy("cupy-cuda12x")
    assert machine.ask()["result"] == "cuda:0"


def test_two_cupys_over_each_other(machine):
    machine.driver(cuda=12080)
    machine.cupy("cupy-cuda12x", "cupy-cuda13x")
    remedy = "pip uninstall -y cupy-cuda12x cupy-cuda13x && pip install 'mlpcore[cuda12]'"
    assert_unavailable(machine.ask(), "CUDA_MAJOR_MISMATCH", "2 CuPy packages", remedy)


def test_a_cupy_that_does_not_say_its_cuda_is_asked_when_it_starts(machine):
    machine.driver(cuda=12080)
    machine.cupy("cupy")
    assert machine.ask()["result"] == "cuda:0"
    answer = machine.ask(START, FAKE_CUPY_STATUS="35")
    assert answer["cause"] == "CUDA_MAJOR_MISMATCH"
    assert "conda install -c conda-forge cupy cuda-version=12" in answer["headline"]
    answer = machine.ask(START, FAKE_CUPY_STATUS="35", FAKE_CUDA="11040")
    assert answer["cause"] == "DRIVER_TOO_OLD"


BROKEN = """
try:
    raise ImportError("libnvrtc.so.13: cannot open shared object file")
except ImportError as error:
    raise ImportError("\\n=====\\nFailed to import CuPy.\\n=====\\n") from error
"""


@pytest.mark.parametrize("expression", [START, "d.require_gpu()"])
def test_cupy_that_fails_to_import(machine, expression):
    machine.driver()
    machine.cupy("cupy-cuda13x", source=BROKEN)
    answer = machine.ask(expression)
    assert answer["cause"] == "CUPY_IMPORT_FAILED"
    assert "ImportError: libnvrtc.so.13: cannot open shared object file" in answer["headline"]
    assert "Failed to import CuPy." in answer["message"]


def test_with_a_broken_cupy_auto_and_prefer_gpu_take_the_cpu_with_one_reason(machine):
    machine.driver()
    machine.cupy("cupy-cuda13x", source=BROKEN)
    answer = machine.ask("[d.prefer_gpu(), *map(str, [d.resolve('auto'), d.resolve()])]")
    assert answer["result"] == "[False, 'cpu', 'cpu']"
    assert len(answer["log"]) == 1
    assert "libnvrtc.so.13" in answer["log"][0]


def test_cuda_that_does_not_start_says_what_it_said(machine):
    machine.driver()
    machine.cupy("cupy-cuda13x")
    for status, cause in [("100", "NO_DEVICE"), ("802", "CUDA_FAILED"), ("3", "CUDA_FAILED")]:
        assert machine.ask(START, FAKE_CUPY_STATUS=status)["cause"] == cause
    answer = machine.ask(START, FAKE_CUPY_STATUS="802")
    assert "CUDARuntimeError: cudaError 802" in answer["headline"]


@pytest.mark.parametrize(("gpus", "choices"), [(1, "use cuda:0"), (3, "use cuda:0 to cuda:2")])
def test_index_out_of_range(machine, gpus, choices):
    machine.driver(gpus=gpus)
    machine.cupy("cupy-cuda13x")
    answer = machine.ask(MLPCORE_DEVICE=f"cuda:{gpus}")
    assert_unavailable(answer, "INDEX_OUT_OF_RANGE", f"sees {gpus} GPU", choices)


def test_indices_count_visible_devices(machine):
    machine.driver(gpus=3)
    machine.cupy("cupy-cuda13x")
    answer = machine.ask(MLPCORE_DEVICE="cuda:1", CUDA_VISIBLE_DEVICES="2")
    assert_unavailable(answer, "INDEX_OUT_OF_RANGE", "sees 1 GPU")
    assert "CUDA_VISIBLE_DEVICES='2'" in answer["message"]


def test_a_lost_gpu_is_not_counted(machine):
    machine.driver(gpus=2)
    machine.cupy("cupy-cuda13x")
    answer = machine.ask(MLPCORE_DEVICE="cuda:1", FAKE_LOST="0")
    assert_unavailable(answer, "INDEX_OUT_OF_RANGE", "sees 1 GPU")


def test_unknown_value(machine):
    answer = machine.ask(MLPCORE_DEVICE="cudaa")
    assert_unavailable(answer, "UNKNOWN_VALUE", "'cudaa'", "auto, cpu, cuda and cuda:N")
    assert not answer["cupy"]


FORK = """
{parent}
if os.fork() == 0:
    for device in ("cuda", "auto", "auto", "cpu"):
        ask(lambda: d.resolve(device))
    os.environ["FAKE_CUPY_STATUS"] = {child_status!r}
    ask(lambda: d.cupy_module(d.Device("cuda", 0)))
    os._exit(0)
assert os.wait()[1] == 0
"""


def test_a_process_forked_after_cuda_was_used(machine):
    machine.driver()
    machine.cupy("cupy-cuda13x")
    parent = f"{START}; assert str(d.resolve()) == 'cuda:0'"
    parent += "; d._log_reason_for_cpu(d.problems.forked()); log.clear()"
    cuda, auto, again, cpu, start = machine.run(FORK.format(parent=parent, child_status="3"))
    assert cuda["cause"] == start["cause"] == "FORKED"
    assert cuda["headline"].startswith("device='cuda': this process was forked after CUDA was used")
    assert "get_context('spawn')" in cuda["headline"]
    assert auto["result"] == again["result"] == cpu["result"] == "cpu"
    assert len(again["log"]) == 1
    assert "forked" in again["log"][0]


def test_a_process_forked_after_only_asking_may_use_cuda(machine):
    machine.driver()
    machine.cupy("cupy-cuda13x")
    program = "d.require_gpu(); d.devices(); d.prefer_gpu(); d.resolve('cuda')\n" + (
        f"if os.fork() == 0: ask(lambda: {START}); os._exit(0)\nassert os.wait()[1] == 0"
    )
    (answer,) = machine.run(program)
    assert "cupy" in answer["result"]


def test_a_fork_after_others_used_cuda_is_told_by_the_error_of_cuda(machine):
    machine.driver()
    machine.cupy("cupy-cuda13x")
    *_, start = machine.run(
        "if os.fork() == 0:\n"
        "    os.environ['FAKE_CUPY_STATUS'] = '3'\n"
        f"    ask(lambda: {START}); os._exit(0)\n"
        "assert os.wait()[1] == 0"
    )
    assert start["cause"] == "FORKED"


def test_where_nobody_can_count_the_gpus_cuda_decides(machine):
    machine.driver(gpus=1, nvml=False)
    machine.cupy("cupy-cuda13x")
    proc = "d._driver._PROC_GPUS = d._driver.Path('/nonexistent')"
    ask = f"exec({proc!r}) or d.resolve('cuda:1')"
    assert machine.ask(ask)["result"] == "cuda:1"
    start = f"exec({proc!r}) or d.cupy_module(d.Device('cuda', 1))"
    assert machine.ask(start)["cause"] == "INDEX_OUT_OF_RANGE"
