"""Whether the sums of a tile stay in registers, in the machine code that LLVM makes of it."""

import re
import sys
from importlib import import_module

import pytest

from mlpcore.kernels.cpu.codegen.function import Module
from mlpcore.kernels.cpu.codegen.instruction_set import INSTRUCTION_SETS
from mlpcore.kernels.cpu.codegen.object_code import assembly

TILES = {"many": "tile", "natural": "copied", "gradient": "turned", "passes": "weight"}
X86 = [INSTRUCTION_SETS["avx512"], INSTRUCTION_SETS["avx2"]]

ON_STACK = re.compile(r"\(%r[sb]p\)")


def loops(code, function):
    """Return the blocks of a function that end where they begin, as lists of instructions."""
    (body,) = re.findall(rf'^"?{function}"?:\n(.*?)func_end', code, re.MULTILINE | re.DOTALL)
    found = []
    for block in re.split(r"^(?=\S*LBB\d+_\d+:)", body, flags=re.MULTILINE):
        label, _, rest = block.partition(":")
        lines = [line.strip() for line in rest.splitlines() if line.startswith("\t")]
        if any(line.startswith("j") and line.endswith(label) for line in lines):
            found.append([line for line in lines if not line.startswith(("#", "."))])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="knows how Linux writes assembly")
@pytest.mark.parametrize("unit", TILES)
@pytest.mark.parametrize("isa", X86, ids=lambda isa: isa.name)
def test_the_loop_of_a_tile_keeps_its_sums_in_registers(isa, unit):
    module = Module(isa, "float32")
    import_module(f"mlpcore.kernels.cpu.units.{unit}").write(module)
    code = assembly(module)
    width = "" if unit == "passes" else f"_{isa.tile_vectors}"
    for rows in range(1, isa.tile_rows + 1):
        sums = rows * isa.tile_vectors
        inner = loops(code, f"{TILES[unit]}_{rows}{width}")
        # Of as many terms as one round of the loop has.
        (loop,) = [it for it in inner if sum("vfmadd" in line for line in it) == 2 * sums]
        assert not [line for line in loop if ON_STACK.search(line)]
