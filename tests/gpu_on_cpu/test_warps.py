"""Shuffles, votes, matches, reductions and barriers against what the PTX reference says."""

import numpy as np
import pytest

LANES = np.arange(64, dtype=np.uint32)
VALUES = LANES * np.uint32(2654435761)  # wraps
ALL = "0xffffffff"


def source(mode: str, lane: int, argument: int, width: int) -> tuple[int, bool]:
    """The lane that a shuffle of CUDA C++ with this `width` reads, and whether it is in range."""
    first = lane - lane % width
    if mode == "up":
        wanted = lane - argument
        return (wanted, True) if wanted >= first else (lane, False)
    if mode == "idx":
        return first + argument % width, True
    wanted = lane + argument if mode == "down" else lane ^ argument
    return (wanted, True) if wanted < first + width else (lane, False)


@pytest.mark.parametrize("width", [32, 8])
@pytest.mark.parametrize("mode", ["up", "down", "bfly", "idx"])
def test_shuffles(evaluate, mode, width):
    clamp = ((32 - width) << 8) | (0 if mode == "up" else 31)
    for argument in (0, 1, 5, 16):
        code = f"shfl.sync.{mode}.b32 %d|%p, %a, {argument}, {clamp}, {ALL};"
        got = evaluate(code, np.uint32, VALUES)
        in_range = evaluate(f"{code} selp.b32 %d, 1, 0, %p;", np.uint32, VALUES)
        for lane in LANES.tolist():
            other, ok = source(mode, lane % 32, argument, width)
            assert got[lane] == VALUES[lane - lane % 32 + other]
            assert in_range[lane] == ok


def test_votes(evaluate):
    odd = LANES % 2
    ballot = evaluate(f"setp.ne.u32 %p, %a, 0; vote.sync.ballot.b32 %d, %p, {ALL};", np.uint32, odd)
    assert (ballot == 0xAAAAAAAA).all()
    for mode, expected in (("any", 1), ("all", 0), ("uni", 0)):
        code = f"setp.ne.u32 %p, %a, 0; vote.sync.{mode}.pred %q, %p, {ALL}; selp.b32 %d, 1, 0, %q;"
        assert (evaluate(code, np.uint32, odd) == expected).all()


def test_matches(evaluate):
    groups = LANES % 4
    got = evaluate(f"match.any.sync.b32 %d, %a, {ALL};", np.uint32, groups)
    for lane in LANES.tolist():
        assert got[lane] == sum(1 << k for k in range(32) if k % 4 == lane % 4)
    code = f"match.all.sync.b32 %d|%p, %a, {ALL}; selp.b32 %d, %d, 7, %p;"
    assert (evaluate(code, np.uint32, groups) == 7).all()
    assert (evaluate(code, np.uint32, np.full_like(groups, 3)) == 0xFFFFFFFF).all()


@pytest.mark.parametrize(
    ("name", "reduce"),
    [
        ("add.u32", lambda v: v.sum(dtype=np.uint32)),
        ("min.u32", np.min),
        ("max.s32", lambda v: v.view(np.int32).max().view(np.uint32)),
        ("xor.b32", np.bitwise_xor.reduce),
    ],
)
def test_reductions_of_a_warp(evaluate, name, reduce):
    got = evaluate(f"redux.sync.{name} %d, %a, {ALL};", np.uint32, VALUES)
    assert (got[:32] == reduce(VALUES[:32])).all()
    assert (got[32:] == reduce(VALUES[32:])).all()


def test_half_a_warp_may_talk_alone(evaluate):
    code = """
        and.b32 %t1, %a, 16; setp.eq.u32 %p, %t1, 0; mov.u32 %d, 0;
        @!%p bra Skip;
        redux.sync.add.u32 %d, %a, 0x0000ffff;
    Skip:
    """
    got = evaluate(code, np.uint32, LANES[:32].copy())
    np.testing.assert_array_equal(got, [120] * 16 + [0] * 16)


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_a_barrier_counts_votes_of_the_block(evaluate, order):
    x = np.arange(96, dtype=np.uint32)
    count = "setp.lt.u32 %p, %a, 40; bar.red.popc.u32 %d, 0, %p;"
    assert (evaluate(count, np.uint32, x, order=order) == 40).all()
    for mode, expected in (("and", 0), ("or", 1)):
        code = f"setp.lt.u32 %p, %a, 40; bar.red.{mode}.pred %q, 0, %p; selp.b32 %d, 1, 0, %q;"
        assert (evaluate(code, np.uint32, x, order=order) == expected).all()


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_every_block_and_thread_has_its_indices(module_text, order):
    from gpu_on_cpu import run_ptx

    indices = [f"%{what}.{axis}" for what in ("tid", "ctaid") for axis in "xyz"]
    extents = [f"%{what}.{axis}" for what in ("ntid", "nctaid") for axis in "xyz"]
    # The number of a thread: its indices as the digits of one number, blocks first.
    digits = ["ctaid.z", "ctaid.y", "ctaid.x", "tid.z", "tid.y", "tid.x"]
    number = "mov.u32 %n, 0;" + "".join(
        f"mov.u32 %e, %n{digit}; mov.u32 %i, %{digit}; mad.lo.u32 %n, %n, %e, %i;"
        for digit in digits
    )
    stores = "".join(
        f"mov.u32 %i, {name}; st.global.u32 [%out+{4 * k}], %i;"
        for k, name in enumerate(indices + extents)
    )
    text = module_text(
        ".visible .entry k(.param .u64 out) { .reg .b32 %n, %e, %i; .reg .b64 %out, %at;"
        f"ld.param.u64 %out, [out]; {number} mul.wide.u32 %at, %n, 48; add.u64 %out, %out, %at;"
        f"{stores} ret; }}"
    )
    block, grid = (3, 2, 4), (2, 3, 2)
    out = np.zeros((*grid[::-1], *block[::-1], 12), np.uint32)
    run_ptx(text, grid, block, out, order=order, seed=3)
    for where in np.ndindex(out.shape[:-1]):
        bz, by, bx, z, y, x = where
        np.testing.assert_array_equal(out[where], [x, y, z, bx, by, bz, *block, *grid])
