"""A unit is a file; its kernels are compiled together and called by name."""

from pathlib import Path

import numpy as np
import pytest

from mlpcore.kernels.cpu import units
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

ISA = instruction_set()
EXAMPLES = Path(__file__).parents[2] / "support" / "units"


@pytest.fixture(autouse=True)
def _examples(monkeypatch):
    monkeypatch.setattr(units, "__path__", [*units.__path__, str(EXAMPLES)])


def test_each_file_is_a_unit_or_has_variants_that_are():
    files = {path.stem for path in Path(units.__file__).parent.glob("*.py")} - {"__init__"}
    assert {name.partition(".")[0] for name in units.names()} == files | {"scale", "stretch"}
    own = [n for n in units.names() if n.startswith(("scale", "stretch"))]
    assert own == ["scale", "stretch.2", "stretch.3"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_unit_is_compiled_loaded_and_called(dtype):
    compiled = units.compile_unit("scale", ISA, dtype)
    kernels = units.load_unit(compiled, ISA, dtype)
    x = np.arange(37, dtype=dtype)
    kernels.function("scale")(x.ctypes.data, 36, 1.5)
    assert (x[:36] == np.arange(36) * 1.5).all()
    assert x[36] == 36
    assert kernels["scale"] == kernels.addresses["scale"] > 0
    assert (kernels.isa, kernels.dtype) == (ISA, dtype)


def test_a_variant_of_a_unit_is_written_for_itself():
    x = np.ones(3, np.float32)
    for variant in ("2", "3"):
        compiled = units.compile_unit(f"stretch.{variant}", ISA, "float32")
        units.load_unit(compiled, ISA, "float32").function("stretch")(x.ctypes.data, 3)
    assert x.tolist() == [6, 6, 6]


@pytest.mark.parametrize("name", ["absent", "scale.2", "stretch", "stretch.4", ""])
def test_an_unknown_unit_is_an_error_that_names_those_there_are(name):
    with pytest.raises(KeyError, match=rf"no unit '{name}' among .*scale, .*stretch.2"):
        units.compile_unit(name, ISA, "float32")
