"""A unit is loaded once, whichever threads ask for it at the same time."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mlpcore.backends.cpu import library as library_module
from mlpcore.backends.cpu.code_cache import CodeCache
from mlpcore.backends.cpu.library import Library, library
from mlpcore.kernels.cpu import units
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

EXAMPLES = Path(__file__).parents[2] / "support" / "units"
ISA = instruction_set()


@pytest.fixture(autouse=True)
def _examples(monkeypatch):
    monkeypatch.setattr(units, "__path__", [*units.__path__, str(EXAMPLES)])


@pytest.fixture
def compilations(monkeypatch):
    """Return the list to which each compilation, made slow, adds the name of its unit."""
    names = []

    def slow(name, isa, dtype):
        names.append(name)
        time.sleep(0.1)
        return units.compile_unit(name, isa, dtype)

    monkeypatch.setattr(library_module, "compile_unit", slow)
    return names


def test_of_threads_that_ask_at_once_one_compiles_and_all_compute(compilations):
    shared = Library(ISA, "float32", CodeCache(None))
    barrier, results = threading.Barrier(8), []

    def ask():
        barrier.wait()
        x = np.ones(3, np.float32)
        shared.kernels("scale").function("scale")(x.ctypes.data, 3, 2.0)
        results.append(x.tolist())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[2, 2, 2]] * 8
    assert compilations == ["scale"]


def test_the_disk_is_asked_before_a_compiler(compilations, tmp_path):
    for _ in range(2):
        Library(ISA, "float32", CodeCache(str(tmp_path))).kernels("scale")
    assert compilations == ["scale"]


def test_memory_is_asked_before_the_disk(tmp_path):
    shared = Library(ISA, "float32", CodeCache(str(tmp_path)))
    assert shared.kernels("scale") is shared.kernels("scale")


def test_a_failure_is_not_remembered(monkeypatch):
    shared = Library(ISA, "float32", CodeCache(None))

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(library_module, "compile_unit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shared.kernels("scale")
    assert shared.kernels("scale")["scale"]


def test_a_process_has_one_library_for_each_instruction_set_and_dtype():
    assert library(ISA, "float32") is library(ISA, "float32")
    assert library(ISA, "float32") is not library(ISA, "float64")


FORKED = """
import os, sys, threading, time
from mlpcore.backends.cpu import library as library_module
from mlpcore.backends.cpu.code_cache import CodeCache
from mlpcore.kernels.cpu import units
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set
units.__path__.append(sys.argv[1])
shared = library_module.Library(instruction_set(), "float32", CodeCache(None))
inside, parent = threading.Event(), os.getpid()

def slow(*arguments):
    if os.getpid() == parent:
        inside.set()
        time.sleep(0.3)  # at the fork this thread holds the library's lock, and is not in LLVM
    return units.compile_unit(*arguments)

library_module.compile_unit = slow
other = threading.Thread(target=shared.kernels, args=("scale",))
other.start()
inside.wait()
child = os.fork()
if child == 0:
    os._exit(7 if shared.kernels("scale")["scale"] else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
other.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_while_another_thread_loads_can_load():
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED, str(EXAMPLES)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
