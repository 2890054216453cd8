"""Kept code is used if it is whole, trusted and of this version, and compiled again otherwise."""

import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mlpcore.backends.cpu import code_cache
from mlpcore.backends.cpu.code_cache import CodeCache
from mlpcore.backends.cpu.library import Library
from mlpcore.kernels.cpu import units
from mlpcore.kernels.cpu.codegen.instruction_set import INSTRUCTION_SETS, instruction_set
from mlpcore.kernels.cpu.codegen.object_code import ObjectCode, Signature

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "tests" / "support" / "units"
ISA = instruction_set()
ASKED = ("scale", ISA, "float32")
CODE = ObjectCode(b"machine code", {"scale": Signature(("address", "int", "real"), None)})


@pytest.fixture
def cache(tmp_path, monkeypatch):
    # Whoever edits a source while the tests run changes nothing of what they are about.
    monkeypatch.setattr(code_cache, "read_fingerprint", lambda: code_cache.FINGERPRINT)
    return CodeCache(str(tmp_path))


def stored(cache):
    """Return the path of the file that holds CODE."""
    cache.write(*ASKED, CODE)
    return Path(cache.path(*ASKED))


def test_what_is_kept_is_fetched(cache):
    assert cache.fetch(*ASKED) is None
    cache.keep(*ASKED, CODE)
    assert cache.fetch(*ASKED) == CODE


def test_a_file_cut_short_anywhere_is_not_used_and_is_replaced(cache):
    path = stored(cache)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert cache.fetch(*ASKED) is None
    cache.keep(*ASKED, CODE)
    assert cache.fetch(*ASKED) == CODE


def test_a_file_with_one_flipped_bit_or_more_bytes_is_not_used(cache):
    path = stored(cache)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert cache.fetch(*ASKED) is None
    path.write_bytes(whole + b"x")
    assert cache.fetch(*ASKED) is None


def test_the_file_of_something_else_is_not_used_under_this_name(cache):
    path = stored(cache)
    other = ("scale", ISA, "float64")
    shutil.copy(path, cache.path(*other))
    assert cache.fetch(*other) is None


@pytest.mark.parametrize("isa", INSTRUCTION_SETS.values(), ids=lambda isa: isa.name)
def test_units_instruction_sets_and_dtypes_have_files_of_their_own(cache, isa):
    asked = [(unit, isa, dtype) for unit in ("a", "b") for dtype in ("float32", "float64")]
    assert len({cache.path(*one) for one in [*asked, ASKED]}) == 5


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (code_cache, "FINGERPRINT", b"other sources"),
        (code_cache.llvmlite, "__version__", "0.0.1"),
        (code_cache.llvm, "llvm_version_info", (1, 2, 3)),
        (code_cache, "platform_name", lambda isa: "x86_64-elsewhere"),
    ],
    ids=["sources", "llvmlite", "LLVM", "platform"],
)
def test_other_versions_do_not_use_the_file(cache, monkeypatch, owner, name, value):
    cache.keep(*ASKED, CODE)
    monkeypatch.setattr(owner, name, value)
    assert cache.fetch(*ASKED) is None
    cache.keep(*ASKED, ObjectCode(b"other code", {}))
    monkeypatch.undo()
    assert cache.fetch(*ASKED) == CODE


def test_code_is_not_kept_if_the_sources_changed_since_they_were_imported(
    cache, monkeypatch, caplog
):
    monkeypatch.setattr(code_cache, "read_fingerprint", lambda: b"an upgrade in between")
    with caplog.at_level(logging.INFO, logger="mlpcore"):
        cache.keep(*ASKED, CODE)
    assert cache.fetch(*ASKED) is None
    assert "the sources of the kernels have changed" in caplog.text


@pytest.mark.parametrize(
    ("folder", "fingerprint", "reason"),
    [(None, b"f", "no home folder"), ("", None, "sources of the kernels cannot be read")],
)
def test_without_folder_or_sources_nothing_is_kept_and_it_is_said_once(
    folder, fingerprint, reason, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(code_cache, "FINGERPRINT", fingerprint)
    with caplog.at_level(logging.INFO, logger="mlpcore"):
        cache = CodeCache(folder if folder is None else str(tmp_path))
        for _ in range(3):
            cache.keep(*ASKED, CODE)
            assert cache.fetch(*ASKED) is None
    assert cache.path(*ASKED) is None
    assert list(tmp_path.iterdir()) == []
    (record,) = caplog.records
    assert reason in record.getMessage()
    assert record.levelno == logging.INFO


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_folder_that_cannot_be_trusted_is_named_once(cache, caplog):
    path = stored(cache)
    path.parent.chmod(0o777)
    with caplog.at_level(logging.INFO, logger="mlpcore"):
        for _ in range(3):
            assert cache.fetch(*ASKED) is None
            cache.keep(*ASKED, CODE)
    (record,) = caplog.records
    assert f"{path.parent}: other users can write to it" in record.getMessage()


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_file_that_cannot_be_trusted_is_replaced(cache):
    stored(cache).chmod(0o666)
    assert cache.fetch(*ASKED) is None
    cache.keep(*ASKED, CODE)
    assert cache.fetch(*ASKED) == CODE


def test_a_full_disk_costs_the_cache_and_nothing_else(cache, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache._folder, "write", full)
    with caplog.at_level(logging.INFO, logger="mlpcore"):
        cache.keep(*ASKED, CODE)
    assert "No space left on device" in caplog.text


def test_of_many_versions_those_used_last_stay(cache, monkeypatch):
    paths = []
    for version in range(12):
        monkeypatch.setattr(code_cache, "FINGERPRINT", bytes([version]))
        paths.append(stored(cache))
        hours_ago = time.time() - 3600 * (12 - version)
        os.utime(paths[-1], (hours_ago, hours_ago))
    others = [("scale", ISA, "float64"), ("scale.2", ISA, "float32"), ("rescale", ISA, "float32")]
    for other in others:
        cache.write(*other, CODE)
    left = {path for path in paths if path.exists()}
    assert left == set(paths[-8:])
    assert all(os.path.exists(cache.path(*other)) for other in others)


def test_what_a_killed_process_left_is_removed_after_a_while(cache):
    folder = stored(cache).parent
    for name, age in [(".old.tmp", 7200), (".new.tmp", 5)]:
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    cache.write(*ASKED, CODE)
    assert {path.name for path in folder.glob(".*")} == {".new.tmp"}


def test_machine_code_from_the_disk_runs(cache, monkeypatch):
    monkeypatch.setattr(units, "__path__", [*units.__path__, str(EXAMPLES)])
    for _ in range(2):
        x = np.arange(5, dtype=np.float32)
        Library(ISA, "float32", cache).kernels("scale").function("scale")(x.ctypes.data, 5, 3.0)
        assert x.tolist() == [0, 3, 6, 9, 12]
        assert cache.fetch(*ASKED) is not None


SCALED = """
import sys
from mlpcore.kernels.cpu import units
units.__path__.append(sys.argv[1])
import numpy as np
from mlpcore.backends.cpu.code_cache import default_cache
from mlpcore.backends.cpu.compiled import compiled
x = np.ones(3, np.float32)
cached = default_cache().fetch("scale", compiled("float32").isa, "float32") is not None
compiled("float32", "scale").kernels("scale").function("scale")(x.ctypes.data, 3, 5.0)
tools = [m for m in sys.modules if m.split(".")[0] == "numba" or m.endswith("codegen.function")]
print(x.tolist(), cached, sorted(tools))
"""


def process(folder, units_folder=EXAMPLES, **keywords):
    """Start a process that uses a kernel, with its cache in `folder`."""
    environment = os.environ | {"MLPCORE_CACHE_DIR": str(folder)} | keywords.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-c", SCALED, str(units_folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **keywords,
    )


def output(running):
    out, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, "")
    return out.strip()


EMITTER = "['mlpcore.kernels.cpu.codegen.function']"


def test_the_second_process_imports_neither_numba_nor_what_writes_kernels(snapshot, tmp_path):
    """A snapshot of the sources, so that nobody edits them between the two processes."""
    first, second = (output(process(tmp_path, cwd=snapshot, env=path(snapshot))) for _ in range(2))
    assert first == f"[5.0, 5.0, 5.0] False {EMITTER}"
    assert second == "[5.0, 5.0, 5.0] True []"


def test_six_processes_at_once_compute_and_leave_one_file(snapshot, tmp_path):
    together = [process(tmp_path, cwd=snapshot, env=path(snapshot)) for _ in range(6)]
    assert {output(one).partition("]")[0] for one in together} == {"[5.0, 5.0, 5.0"}
    assert len(os.listdir(tmp_path / "kernels")) == 1
    assert output(process(tmp_path, cwd=snapshot, env=path(snapshot))).endswith("True []")


def test_two_versions_of_the_sources_do_not_mix(snapshot, tmp_path):
    """The second version scales twice, in a unit of the same name and the same cache folder."""
    versions = []
    for name, old, new in [("one", "", ""), ("two", "* factor", "* (factor * 2)")]:
        folder = tmp_path / name
        shutil.copytree(snapshot, folder, symlinks=True)
        source = (EXAMPLES / "scale.py").read_text().replace(old, new)
        (folder / "kernels" / "cpu" / "units" / "scale.py").write_text(source)
        versions.append(folder)
    found = [
        output(process(tmp_path / "cache", tmp_path, cwd=folder, env=path(folder)))
        for folder in versions * 2
    ]
    one, two = "[5.0, 5.0, 5.0]", "[10.0, 10.0, 10.0]"
    assert found[:2] == [f"{one} False {EMITTER}", f"{two} False {EMITTER}"]
    assert found[2:] == [f"{one} True []", f"{two} True []"]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """Return a folder with a copy of the package."""
    folder = tmp_path_factory.mktemp("snapshot")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mlpcore", folder / "mlpcore", symlinks=True, ignore=ignored)
    shutil.copytree(ROOT / "kernels", folder / "kernels", ignore=ignored)
    if not (folder / "mlpcore" / "kernels").exists():  # a checkout without the link
        os.symlink("../kernels", folder / "mlpcore" / "kernels")
    return folder


def path(folder):
    return {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


WITHOUT_HOME = """
import os, sys, logging, pwd
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
from mlpcore.kernels.cpu import units
units.__path__.append(sys.argv[1])
import numpy as np
from mlpcore.backends.cpu import library
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.kernels.cpu.codegen import function
import scale
sys.modules["mlpcore.kernels.cpu.units.scale"] = scale
os.setgid(12345); os.setuid(12345)
x = np.ones(3, np.float32)
for _ in range(2):
    compiled("float32", "scale").kernels("scale").function("scale")(x.ctypes.data, 3, 5.0)
print(x.tolist())
"""


def open_to_all(path):
    """Return whether every user may read what lies at `path`."""
    return all(Path(p).stat().st_mode & 0o005 == 0o005 for p in (path, *Path(path).parents))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can change the user")
@pytest.mark.skipif(
    not (open_to_all(ROOT) and open_to_all(sys.prefix)),
    reason="another user could not read the library",
)
@pytest.mark.parametrize(
    ("home", "reason"),
    [({}, "there is no home folder"), ({"HOME": "/proc/nowhere"}, "/proc/nowhere")],
    ids=["no home", "read-only"],
)
def test_a_user_without_a_folder_computes_in_memory(home, reason):
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH")}
    kept |= home | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(EXAMPLES)])}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HOME, str(EXAMPLES)],
        capture_output=True,
        text=True,
        timeout=60,
        env=kept,
    )
    assert (done.returncode, done.stderr) == (0, "")
    *said, result = done.stdout.splitlines()
    assert result == "[25.0, 25.0, 25.0]"
    (line,) = said
    assert line.startswith("INFO compiled kernels are not kept on disk: ")
    assert reason in line
