"""What is compiled together: each file of this folder is a unit, and fills a module of kernels.

A unit has a function ``write(module)``.  Where one file stands for several units that differ in a
name alone, it lists those as ``VARIANTS``, its units are called ``file.variant``, and its function
is ``write(module, variant)``.  The file, and with it everything that writes kernels, is imported
when the unit is compiled, not when machine code that was kept is loaded.
"""

from __future__ import annotations

import ctypes
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..codegen.object_code import ObjectCode, load, object_code
from ..codegen.target import exclusive

if TYPE_CHECKING:
    from ..codegen.instruction_set import InstructionSet

__all__ = ["Kernels", "compile_unit", "load_unit", "names"]

_REALS: dict[str, Any] = {"float32": ctypes.c_float, "float64": ctypes.c_double}


# Exclusive, since a child that is forked in the middle of an import could never import the same.
@exclusive()
def names() -> tuple[str, ...]:
    """Return the names of all units, in the order of the alphabet."""
    found: list[str] = []
    for file in _files():
        variants = _variants(file)
        found += [file] if variants is None else [f"{file}.{variant}" for variant in variants]
    return tuple(found)


def _files() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def _variants(file: str) -> tuple[str, ...] | None:
    variants: tuple[str, ...] | None
    variants = getattr(import_module(f"{__name__}.{file}"), "VARIANTS", None)
    return variants


@exclusive()
def compile_unit(name: str, isa: InstructionSet, dtype: Any) -> ObjectCode:
    """Compile a unit for `isa`, which need not be an instruction set of this machine.

    Parameters
    ----------
    name : str
        One of `names`.
    isa : InstructionSet
        What to compile for.
    dtype : str
        ``"float32"`` or ``"float64"``.

    Raises
    ------
    KeyError
        If there is no such unit.
    """
    from ..codegen.function import Module

    file, _, variant = name.partition(".")
    if file not in _files() or variant not in (_variants(file) or ("",)):
        raise KeyError(f"there is no unit {name!r} among {', '.join(names()) or 'none'}")
    module = Module(isa, dtype)
    arguments = (variant,) if variant else ()
    import_module(f"{__name__}.{file}").write(module, *arguments)
    return object_code(module)


def load_unit(compiled: ObjectCode, isa: InstructionSet, dtype: str) -> Kernels:
    """Load a compiled unit into this process, where it stays until the process ends.

    Raises
    ------
    OSError
        If the system does not let this process run code that it writes.
    KeyError
        If the process lacks a C function that the kernels call.
    """
    loaded = load(compiled.code, isa)
    addresses = {name: loaded[name] for name in compiled.signatures}
    return Kernels(addresses, compiled, isa, dtype)


class Kernels:
    """The kernels of a unit in this process.

    Attributes
    ----------
    addresses : dict of str to int
        Where each kernel is, by name.
    signatures : dict of str to Signature
        What each kernel takes and gives.
    isa : InstructionSet
        What they were compiled for.
    dtype : str
        ``"float32"`` or ``"float64"``: what a real is.
    """

    def __init__(
        self, addresses: dict[str, int], compiled: ObjectCode, isa: InstructionSet, dtype: str
    ) -> None:
        self.addresses = addresses
        self.signatures = compiled.signatures
        self.isa = isa
        self.dtype = dtype
        self._functions: dict[tuple[str, bool], Any] = {}

    def __getitem__(self, name: str) -> int:
        """Return the address of the kernel `name`."""
        return self.addresses[name]

    def function(self, name: str, *, holds_gil: bool = False) -> Any:
        """Return the kernel `name` as a function of ctypes; see `Signature.prototype`.

        Addresses and integers are Python integers, reals are Python floats.
        """
        found = self._functions.get((name, holds_gil))
        if found is None:
            prototype = self.signatures[name].prototype(_REALS[self.dtype], holds_gil=holds_gil)
            found = self._functions[name, holds_gil] = prototype(self.addresses[name])
        return found
