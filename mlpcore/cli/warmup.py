"""``mlpcore warmup``: kernels compiled before the first prediction needs them."""

import argparse
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from mlpcore.cli.errors import UsageError
from mlpcore.cli.options import names

if TYPE_CHECKING:
    from mlpcore.kernels.cpu.codegen.instruction_set import InstructionSet

NAME = "warmup"
HELP = "compile the kernels for the CPU ahead of the first prediction"

_DTYPES = ("float32", "float64")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``warmup``."""
    parser.add_argument(
        "--cpu",
        type=names,
        metavar="NAME,...",
        help="instruction sets, also of other machines: avx512, avx2, fma, neon "
        "(default: the one that is used here)",
    )
    parser.add_argument(
        "--dtype",
        type=names,
        default=list(_DTYPES[:1]),
        metavar="NAME,...",
        help="float32, float64 or both (default: float32)",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="the folder, which is private to this user and is found again through "
        "MLPCORE_CACHE_DIR (default: the cache folder)",
    )


def run(args: argparse.Namespace) -> int:
    """Compile what is missing, and print a line for each unit.

    Raises
    ------
    UsageError, ValueError
        If an instruction set or a dtype is unknown; nothing has been compiled then.
    OSError
        If the folder cannot be used.
    """
    try:
        from mlpcore.backends.cpu.code_cache import CodeCache, default_cache
        from mlpcore.backends.cpu.warm_up import compile_ahead
    except (ImportError, OSError) as error:
        raise UsageError(f"there is no compiler: {error}") from None

    isas = _instruction_sets(args.cpu)
    _require_known("--dtype", args.dtype, _DTYPES)
    output = args.output
    cache = default_cache() if output is None else CodeCache(os.path.abspath(output))
    seconds, count = 0.0, 0
    for kept in compile_ahead(isas, args.dtype, cache):
        took = f"{kept.seconds:.2f} s" if kept.seconds else "kept"
        what = f"{kept.unit:<32} {kept.instruction_set:<8}{kept.dtype:<9}"
        print(f"{what}{took:>8}{kept.num_bytes / 1024:>8.0f} KiB  {kept.path}", flush=True)
        seconds, count = seconds + kept.seconds, count + 1
    print(f"{count} units, {seconds:.1f} s")
    return 0


def _instruction_sets(requested: list[str] | None) -> "list[InstructionSet]":
    from mlpcore.kernels.cpu.codegen.instruction_set import (
        INSTRUCTION_SETS,
        OFF,
        VARIABLE,
        instruction_set,
        switched_off,
    )

    if requested is not None:
        _require_known("--cpu", requested, INSTRUCTION_SETS)
        return [INSTRUCTION_SETS[name] for name in requested]
    found = instruction_set()
    if found is None:
        known = ", ".join(INSTRUCTION_SETS)
        if switched_off():
            raise UsageError(
                f"{VARIABLE} is {OFF}, so no kernels are used here; --cpu names what to compile "
                f"for all the same: {known}"
            )
        raise UsageError(
            "this processor has no instruction set that kernels are written for; --cpu names those "
            f"of other machines: {known}"
        )
    return [found]


def _require_known(option: str, given: list[str], choices: Collection[str]) -> None:
    unknown = ", ".join(repr(name) for name in given if name not in choices)
    if unknown or not given:
        raise UsageError(f"{option} takes {', '.join(choices)}, got {unknown or 'nothing'}")
