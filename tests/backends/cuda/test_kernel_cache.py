"""Kernels on disk: used if whole and private, and otherwise compiled again."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import cupy
import numpy as np
import pytest

from mlpcore.backends.cuda import kernel_cache
from mlpcore.backends.cuda.kernel_cache import KernelCache
from mlpcore.kernels.cuda import compiler, kept
from mlpcore.kernels.cuda.elementwise import activation_forward

ASKED = ("kernel", "sources and versions")


@pytest.fixture
def cache(tmp_path):
    return KernelCache(str(tmp_path / "mlpcore"))


def test_what_is_kept_is_fetched(cache):
    assert cache.fetch(*ASKED) is None
    cache.keep(*ASKED, b"PTX")
    assert cache.fetch(*ASKED) == b"PTX"
    for other in (("another", ASKED[1]), (ASKED[0], "other versions")):
        assert cache.fetch(*other) is None
    if os.name == "posix":
        folder = Path(cache.path(*ASKED)).parent
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_damaged_file_is_not_used_and_is_replaced(cache):
    cache.keep(*ASKED, b"PTX")
    path = Path(cache.path(*ASKED))
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"x", whole[:80] + b"X" + whole[81:], b"MLPCORE"):
        path.write_bytes(damaged)
        assert cache.fetch(*ASKED) is None
    cache.keep(*ASKED, b"PTX")
    assert path.read_bytes() == whole


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_folder_that_others_can_write_to_is_neither_read_nor_written(cache, caplog):
    cache.keep(*ASKED, b"PTX")
    path = Path(cache.path(*ASKED))
    path.parent.chmod(0o777)
    with caplog.at_level(logging.INFO, "mlpcore"):
        assert cache.fetch(*ASKED) is None
        cache.keep("other", "key", b"PTX")
    (said,) = caplog.messages
    assert "not kept on disk: " in said
    assert "other users can write to it" in said
    assert list(path.parent.iterdir()) == [path]


def test_without_a_folder_nothing_is_kept():
    cache = KernelCache(None)
    cache.keep(*ASKED, b"PTX")
    assert cache.fetch(*ASKED) is None
    assert cache.path(*ASKED) is None


def test_what_nobody_uses_makes_room(cache, monkeypatch):
    monkeypatch.setattr(kernel_cache, "_MOST", 3)
    monkeypatch.setattr(kernel_cache, "_MORE", 1)
    for number in range(6):
        cache.keep(f"kernel {number}", "", b"PTX")
        path = cache.path(f"kernel {number}", "")
        os.utime(path, (1e9 + number, 1e9 + number))
    left = [number for number in range(6) if os.path.exists(cache.path(f"kernel {number}", ""))]
    assert left == [3, 4, 5]


def test_threads_that_write_and_read_see_whole_files(cache):
    codes = [bytes([number]) * 50_000 for number in range(4)]
    wrong = []

    def work(code):
        for _ in range(20):
            cache.keep(*ASKED, code)
            if cache.fetch(*ASKED) not in codes:
                wrong.append(code)

    threads = [threading.Thread(target=work, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def computed():
    """Return what a kernel computes that this process has neither compiled nor loaded."""
    compiler.ptx_of.cache_clear()
    compiler._function.cache_clear()
    return activation_forward("softplus", cupy.arange(9, dtype=cupy.float32)).get()


def test_kernels_from_disk_compute_the_same(cache, monkeypatch):
    monkeypatch.setattr(kept, "_keeper", cache)
    monkeypatch.setattr(kept, "read_fingerprint", lambda: kept.FINGERPRINT)
    expected = computed()
    (file,) = Path(cache.path(*ASKED)).parent.iterdir()
    whole = file.read_bytes()
    compiled, made = compiler._compiled, []
    monkeypatch.setattr(compiler, "_compiled", lambda *k: made.append(k) or compiled(*k))
    np.testing.assert_array_equal(computed(), expected)
    assert made == []
    file.write_bytes(whole[: len(whole) // 2])
    np.testing.assert_array_equal(computed(), expected)
    assert len(made) == 1
    assert file.read_bytes() == whole


STEP = """
import sys
import numpy as np
from mlpcore import MLP
model = MLP([6, 140, 3], "mish", output="softmax", device="cuda", seed=0)
model.trainer("cross_entropy", "adam").step(np.ones((4, 6)), np.zeros(4, int))
print("numba" in sys.modules, float(model(np.ones((1, 6)))[0, 0]))
"""


def test_the_next_process_compiles_nothing_and_does_not_even_import_numba(tmp_path, double):
    env = os.environ | {"MLPCORE_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "gpu_on_cpu", str(tmp_path / "step.py")]
    (tmp_path / "step.py").write_text(STEP)
    env["PYTHONPATH"] = os.pathsep.join(["ci", ".", env.get("PYTHONPATH", "")])
    said = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.split()
        for _ in range(2)
    ]
    assert [first for first, _ in said] == ["True", "False"]
    assert said[0][1] == said[1][1]
