"""From a module of kernels to machine code, and from machine code to functions that run.

Loading does not need what writes kernels: neither `function` nor `values` is imported here.
"""

from __future__ import annotations

import ctypes
import functools
import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import llvmlite.binding as llvm

from .target import exclusive, target_machine

if TYPE_CHECKING:
    from .function import Module
    from .instruction_set import InstructionSet

__all__ = ["Loaded", "ObjectCode", "Signature", "assembly", "compile_module", "load", "object_code"]


_LIBRARY = "kernels"


class Signature(NamedTuple):
    """What a kernel takes and gives.

    Attributes
    ----------
    arguments : tuple of str
        ``"address"``, ``"int"`` or ``"real"`` each.
    result : str or None
        The same, or None without a result.
    """

    arguments: tuple[str, ...]
    result: str | None

    def prototype(self, real: Any, *, holds_gil: bool = False) -> Any:
        """Return the ctypes type of the kernel, where `real` is ctypes' type of its numbers.

        Parameters
        ----------
        real : type
            ``ctypes.c_float`` or ``ctypes.c_double``.
        holds_gil : bool
            Whether other Python threads wait while it runs: for kernels shorter than it takes to
            let them run and to become the running one again.
        """
        types = {"address": ctypes.c_void_p, "int": ctypes.c_int64, "real": real}
        result = None if self.result is None else types[self.result]
        make = ctypes.PYFUNCTYPE if holds_gil else ctypes.CFUNCTYPE
        return make(result, *(types[kind] for kind in self.arguments))


class ObjectCode(NamedTuple):
    """Compiled kernels, and what is needed to call them.

    Attributes
    ----------
    code : bytes
        An object file.
    signatures : dict of str to Signature
        Its kernels by name, without the private ones.
    """

    code: bytes
    signatures: dict[str, Signature]

    def to_bytes(self) -> bytes:
        """Return the length of the description (8 bytes, little-endian), itself, and the code."""
        description = json.dumps(self.signatures).encode()
        return len(description).to_bytes(8, "little") + description + self.code

    @classmethod
    def from_bytes(cls, data: bytes) -> ObjectCode:
        """Return what `to_bytes` wrote; anything else must have been sorted out before."""
        end = 8 + int.from_bytes(data[:8], "little")
        signatures = {
            name: Signature(tuple(arguments), result)
            for name, (arguments, result) in json.loads(data[8:end]).items()
        }
        return cls(data[end:], signatures)


@exclusive()
def compile_module(module: Module) -> bytes:
    """Return the object file of `module`.

    Raises
    ------
    RuntimeError
        If LLVM does not accept it.
    """
    machine = target_machine(module.isa)
    return bytes(machine.emit_object(_optimized(module, machine)))


def object_code(module: Module) -> ObjectCode:
    """Return `module` compiled, with the signatures of its kernels.

    Raises
    ------
    RuntimeError
        If LLVM does not accept it.
    """
    kinds = {str(module.type(kind)): kind for kind in ("address", "int", "real")}
    public = [f for f in module.ir.functions if not f.is_declaration and f.linkage != "internal"]
    signatures = {
        f.name: Signature(
            tuple(kinds[str(type_)] for type_ in f.function_type.args),
            kinds.get(str(f.function_type.return_type)),
        )
        for f in public
    }
    return ObjectCode(compile_module(module), signatures)


@exclusive()
def assembly(module: Module) -> str:
    """Return the machine code of `module` as text, for people who look at it."""
    machine = target_machine(module.isa)
    return str(machine.emit_assembly(_optimized(module, machine)))


def _optimized(module: Module, machine: Any) -> Any:
    module.ir.triple = machine.triple
    parsed = llvm.parse_assembly(str(module.ir))
    parsed.verify()
    # What is to be a vector or unrolled is written so: the passes that would guess cost time.
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    passes = _few_passes() if module.soon else builder.getModulePassManager()
    passes.run(parsed, builder)
    return parsed


def _few_passes() -> Any:
    """Return what takes a seventh of the time of LLVM's own passes."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.add_new_gvn_pass()
    passes.add_dead_code_elimination_pass()
    return passes


class Loaded:
    """Machine code in this process, where it stays until the process ends."""

    def __init__(self, linker: Any) -> None:
        self._linker = linker
        # Threads may run the code when Python has cleared its modules and dropped all references.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(linker))

    @exclusive()
    def __getitem__(self, name: str) -> int:
        """Return the address of the kernel `name`.

        Raises
        ------
        KeyError
            If there is none, or it lacks a C function that it calls.
        """
        try:
            tracker = self._linker.lookup(_LIBRARY, name)
        except RuntimeError as error:
            raise KeyError(f"{name}: {error}") from None
        address = int(tracker[name])
        tracker.detach()  # or it would unload the code when it is collected
        return address


@exclusive()
def load(code: bytes, isa: InstructionSet) -> Loaded:
    """Load an object file into this process.

    Parameters
    ----------
    code : bytes
        What `compile_module` gave; anything else ends the process or worse.
    isa : InstructionSet
        What it was compiled for.

    Raises
    ------
    OSError
        If the system does not let this process run code that it writes.
    """
    _check_execution()
    # JITLink lays all sections into one piece of memory, within reach of the relative addresses
    # of the small code model, and what cannot be linked is an exception.  The older linker asks
    # for memory that is near and takes what it gets; it alone can be relied on with COFF.
    linker = llvm.create_lljit_compiler(
        target_machine(isa), use_jit_link=sys.platform != "win32", suppress_errors=True
    )
    builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
    builder.link(linker, _LIBRARY).detach()
    return Loaded(linker)


@functools.cache
def _check_execution() -> None:
    llvm.check_jit_execution()
