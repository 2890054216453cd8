"""Every kernel that there is stands in the table, by whatever file it is added."""

import importlib
import inspect
from pathlib import Path

import pytest
from machine_code.program import Program
from machine_code.python_kernels import ENTRIES
from machine_code.table import program, program_names

import mlpcore.kernels.cuda as cuda

HERE = Path(next(iter(cuda.__path__)))


def factories():
    """Return the public functions of kernels/cuda that say they return a KernelSource."""
    found = set()
    for path in HERE.rglob("*.py"):
        parts = (cuda.__name__, *path.relative_to(HERE).with_suffix("").parts)
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        found |= {
            value
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
            if not name.startswith("_") and value.__annotations__.get("return") == "KernelSource"
        }
    return found


def test_every_factory_of_a_kernel_has_an_entry():
    assert factories() == {entry.factory for entry in ENTRIES}


def test_every_file_of_cuda_source_is_part_of_a_program():
    sources = [program(*key).source for key in program_names(everything=True)]
    for path in HERE.rglob("*.cu"):
        assert any(path.read_text() in source for source in sources), path.name


def test_the_usual_programs_are_among_all():
    assert set(program_names(everything=False)) < set(program_names(everything=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float64_may_take_other_registers_than_float32(dtype):
    it = program("activation gelu True", dtype)
    assert isinstance(it, Program)
    assert it.registers == it.ceilings.registers[dtype == "float64"]


def test_no_kernel_moves_less_than_the_least():
    for key in program_names(everything=False):
        traffic = program(*key).traffic
        assert traffic is None or traffic.least <= traffic.numbers
