"""Atomic words do what their names say, for one thread; `team` tests them with several."""

import functools
import time

import numpy as np
import pytest

from mlpcore.kernels.cpu.codegen.atomics import Word, wait_until, yield_processor
from mlpcore.kernels.cpu.codegen.function import Module
from mlpcore.kernels.cpu.codegen.instruction_set import NEON, instruction_set
from mlpcore.kernels.cpu.codegen.object_code import object_code
from mlpcore.kernels.cpu.units import load_unit

pytestmark = pytest.mark.skipif(
    instruction_set() is None, reason="this processor has no fused multiply-add"
)


def write(module):
    for name in ("add", "keep"):
        with module.function(name, "address", "int", result="int") as (f, place, n):
            f.returns(getattr(Word(place), name)(n))
    with module.function("load", "address", result="int") as (f, place):
        f.returns(Word(place).load())
    with module.function("store", "address", "int") as (f, place, n):
        Word(place).store(n)
    with module.function("replace", "address", "int", "int", result="int") as (f, place, old, new):
        f.returns(Word(place).replace(old, new).select(f.int(1), 0))
    with module.function("wait", "address", result="int") as (f, place):
        looks = f.variable(f.int(0))

        def often_enough():
            looks.value = looks.value + 1
            return looks.value > 500

        wait_until(f, often_enough)
        yield_processor(f)
        f.returns(looks.value)


@functools.cache
def kernels():
    isa = instruction_set()
    module = Module(isa, "float32")
    write(module)
    return load_unit(object_code(module), isa, "float32")


def on_word(name, held, *arguments):
    """Return what kernel `name` gives on a word that holds `held`, and what it holds then."""
    word = np.array([held], dtype=np.int64)
    return kernels().function(name)(word.ctypes.data, *arguments), int(word[0])


@pytest.mark.parametrize("held", [0, 5, -7, 2**62])
def test_what_was_there_before_is_returned(held):
    assert on_word("load", held) == (held, held)
    assert on_word("add", held, 3) == (held, held + 3)
    assert on_word("add", held, -1) == (held, held - 1)
    assert on_word("keep", held, 0b101) == (held, held & 0b101)
    assert on_word("store", held, 9) == (None, 9)


def test_a_word_is_replaced_if_it_holds_what_was_expected():
    assert on_word("replace", 5, 5, 8) == (1, 8)
    assert on_word("replace", 5, 4, 8) == (0, 5)


def test_waiting_goes_on_until_the_condition_holds():
    start = time.perf_counter()
    assert kernels().function("wait")(0) == 501
    assert time.perf_counter() - start < 1


def test_they_can_be_written_for_arm():
    module = Module(NEON, "float32")
    write(module)
    assert "llvm.aarch64.isb" in str(module.ir)
