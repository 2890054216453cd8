"""LLVM itself: started once, used by one thread at a time, and never forked in the middle."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm

from ..fork_lock import ForkLock
from .instruction_set import host_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .instruction_set import InstructionSet

__all__ = ["exclusive", "platform_name", "target_machine"]


_lock = ForkLock()


@contextmanager
def exclusive() -> Iterator[None]:
    """Keep other threads from LLVM, and from forking, while the block runs.

    A child that is forked while another thread is inside LLVM, or imports a module, would wait for
    ever for locks whose holder it does not have.  So a fork waits for the end of the block.  It is
    better used as the decorator of a function: then what the function holds of LLVM is given back
    inside too, which takes LLVM's locks like any other call.
    """
    with _lock.held():
        yield


@exclusive()
def target_machine(isa: InstructionSet) -> Any:
    """Return LLVM's compiler for `isa`, which need not be an instruction set of this machine."""
    _start(isa.machine != host_machine())
    target = llvm.Target.from_triple(_triple(isa))
    # Position-independent and in the small code model, as for a shared library.
    return target.create_target_machine(
        cpu=isa.cpu, features=isa.features, opt=2, reloc="pic", codemodel="default"
    )


@functools.cache
def _start(foreign: bool) -> None:
    if foreign:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    else:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()


def _triple(isa: InstructionSet) -> str:
    """Return LLVM's name of the platform: this one, or one with the architecture of `isa`.

    The system stays the same where the architecture is another: an image is built for the system
    that builds it.
    """
    host: str = llvm.get_process_triple()
    if isa.triple or isa.machine == host_machine():
        return isa.triple or host
    system = host.split("-", 2)[-1]
    return f"{isa.machine}-unknown-{system}"


@exclusive()
def platform_name(isa: InstructionSet) -> str:
    """Return architecture and system for which `isa` is compiled, such as ``x86_64-linux-gnu``.

    Without the vendor, which says who built LLVM and changes no code.
    """
    return f"{isa.machine}-{_triple(isa).split('-', 2)[-1]}"
