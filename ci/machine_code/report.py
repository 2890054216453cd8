"""The text of ``benchmarks/RESULTS-GPU.md``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version

from .architectures import ARCHITECTURES, Capability, target
from .gates import least_share
from .measure import Measured
from .products import MULTIPLY_ADDS, main_loop
from .roofline import SHEETS, elements_a_second, issue_limit
from .traffic import widest_access

SHOWN: tuple[Capability, ...] = ((8, 0), (9, 0))
"""The architectures whose machine code the tables show."""

_ELEMENTS = 1 << 24

_HEAD = """\
# The GPU's kernels, looked at without a GPU

**Nothing here has run on a GPU.** The kernels are tested executed as PTX on a CPU
(`ci/gpu_on_cpu`), which says nothing about time. This page holds what NVIDIA's assembler makes of
them, and an estimate of what that allows. It is written by

    ci/compiled report > benchmarks/RESULTS-GPU.md

and `ci/compiled` holds every kernel to it: no spilled registers, registers and shared memory at
most as stated, an occupancy of at least 50 % where memory bounds a kernel, the traffic below, and
the multiply-adds below in the main loops of products.
"""

_RESOURCES = """
## Registers, shared memory, occupancy

Registers of a thread / occupancy, for each architecture; ceilings in brackets. Occupancy is
theoretical: from registers, shared memory and threads of a block, and the limits in the CUDA C++
Programming Guide's table of compute capabilities. Shared memory is the most over the
architectures, in bytes. No kernel spills. A kernel's name is followed by its variant, as its
factory in `kernels/cuda` takes it.

"""

_TRAFFIC = """
## Bytes moved for each element

From the loads and stores in the loops of the machine code. The least is every array read or
written once. Kernels over rows read a row again when its maximum, sum or mean is known; up to 1024
numbers, that is from a cache. So are the 64 rows of a column that `block_moments` reads twice, and
the scale and shift of a column, which layer normalisation reads for each row. A loop that only
reads does not show for how many elements; it is taken to read each array once.

"""

_PRODUCTS = """
## Main loops of matrix products

The innermost loop with the most multiply-adds. `tiled` and `narrow` sum as the CPU does; larger
products go to cuBLASLt, whose code is not ours.

In float32 at least 70 % of the loop's instructions are multiply-adds. In float64 the share may be
smaller by as much as a multiprocessor has fewer lanes for them, by the CUDA C++ Programming Guide's
table of arithmetic throughput: {shares}.
Where it has two, a product waits for them, whatever else is in the loop.

"""

_ESTIMATE = """
## A roofline, which is an estimate

From data sheets alone: {sheets}. Nobody has measured any of it.

What memory allows, for {elements} elements in float32, in microseconds: with the least traffic,
and with all loads and stores from memory, as for rows that no cache holds.

"""

_LIMITS = """
What the main loops allow, as a share of the float32 peak: one instruction of a warp a cycle and
scheduler, of which only multiply-adds count. On an A100 a multiply-add takes a scheduler's 16
lanes for two cycles, so other instructions fit between.

"""


def report(found: Sequence[Measured]) -> str:
    """Return the page for everything that was measured."""
    sheets = " and ".join(
        f"{s.name} ({s.bandwidth / 1e12:.3g} TB/s, {s.float32 / 1e12:.3g} TFLOP/s in float32; "
        f"“NVIDIA {s.name.split()[0]} Tensor Core GPU” data sheet)"
        for s in SHEETS
    )
    return "".join(
        [
            _HEAD,
            _versions(),
            _RESOURCES,
            _table(*_resources(found)),
            _reasons(found),
            _TRAFFIC,
            _table(*_traffic(found)),
            _PRODUCTS.format(shares=_least_shares()),
            _table(*_products(found)),
            _ESTIMATE.format(sheets=sheets, elements="2²⁴"),
            _table(*_times(found)),
            _LIMITS,
            _table(*_limits(found)),
        ]
    )


def _versions() -> str:
    packages = ("numba-cuda", "nvidia-cuda-nvcc", "nvidia-cuda-nvrtc", "nvidia-cuda-nvdisasm")
    return "\nMade with " + ", ".join(f"{name} {version(name)}" for name in packages) + ".\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _resources(found: Sequence[Measured]) -> tuple[list[str], list[list[str]]]:
    by_program: dict[tuple[str, str], dict[Capability, Measured]] = {}
    for m in found:
        by_program.setdefault((m.name, m.dtype), {})[m.capability] = m
    rows = []
    for (name, dtype), measured in by_program.items():
        some = next(iter(measured.values()))
        shared = max(m.shared for m in measured.values())
        cells = [
            f"{measured[c].assembled.registers} / {measured[c].occupancy:.0%}"
            for c in ARCHITECTURES
        ]
        registers, most = some.program.registers, some.program.ceilings.shared
        rows.append([f"{name}, {dtype}", *cells, f"[{registers}]", f"{shared} [{most}]"])
    return ["kernel", *map(target, ARCHITECTURES), "registers", "shared memory"], rows


def _reasons(found: Sequence[Measured]) -> str:
    families: dict[str, str] = {}
    for m in found:
        if m.program.reason:
            families[m.name.split()[0]] = m.program.reason
    lines = [f"- `{name}`: {reason}.\n" for name, reason in families.items()]
    return "\nKernels that need no occupancy of 50 %, and why:\n\n" + "".join(lines)


def _read(found: Sequence[Measured]) -> list[Measured]:
    return [m for m in found if m.assembled.sass and m.capability in SHOWN]


def _with_traffic(found: Sequence[Measured]) -> list[Measured]:
    return [m for m in _read(found) if m.program.traffic is not None]


def _traffic(found: Sequence[Measured]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for m in _with_traffic(found):
        traffic, size = m.program.traffic, m.program.dtype.itemsize
        assert traffic is not None
        widest = widest_access(traffic, m.assembled.sass)
        cells = [target(m.capability), traffic.numbers * size, traffic.least * size, 8 * widest]
        rows.append([f"{m.name}, {m.dtype}", *map(str, cells)])
    return ["kernel", "architecture", "bytes", "least", "widest access (bits)"], rows


def _least_shares() -> str:
    return ", ".join(f"{100 * least_share(8, c):.2g} % on {target(c)}" for c in ARCHITECTURES)


def _products(found: Sequence[Measured]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for m in _read(found):
        if m.program.is_product:
            loop = main_loop(m.assembled.sass, m.program.dtype.itemsize)
            name = MULTIPLY_ADDS[m.program.dtype.itemsize]
            cells = [
                target(m.capability),
                f"{loop.multiply_adds} {name}",
                f"{loop.share:.0%}",
                _bits(loop.shared_loads),
                _bits(loop.global_loads),
            ]
            rows.append([f"{m.name}, {m.dtype}", *cells])
    heads = ["kernel", "architecture", "in the loop", "share", "shared loads", "global loads"]
    return heads, rows


def _bits(widths: Sequence[int]) -> str:
    return ", ".join(f"{widths.count(w)} x {8 * w}" for w in sorted(set(widths), reverse=True))


def _times(found: Sequence[Measured]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for m in _with_traffic(found):
        if m.dtype == "float32" and m.capability == SHOWN[0]:
            traffic = m.program.traffic
            assert traffic is not None
            cells = [
                f"{1e6 * _ELEMENTS / elements_a_second(sheet, 4 * numbers):.0f}"
                for sheet in SHEETS
                for numbers in (traffic.least, traffic.numbers)
            ]
            rows.append([m.name, *cells])
    heads = [f"{s.name}, {what}" for s in SHEETS for what in ("least", "all from memory")]
    return ["kernel", *heads], rows


def _limits(found: Sequence[Measured]) -> tuple[list[str], list[list[str]]]:
    shares: dict[str, dict[Capability, float]] = {}
    for m in _read(found):
        if m.program.is_product and m.dtype == "float32":
            share = main_loop(m.assembled.sass, 4).share
            shares.setdefault(m.name, {})[m.capability] = issue_limit(m.capability, share)
    rows = [[name, *(f"{at[s.capability]:.0%}" for s in SHEETS)] for name, at in shares.items()]
    return ["kernel", *(s.name for s in SHEETS)], rows
