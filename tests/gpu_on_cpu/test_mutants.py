"""Kernels with a bug each: every bug must be found, in whatever order the threads run.

The kernel reverses the values of a block through shared memory, twice, with a barrier wherever one
is needed.  Each mutant changes one line.
"""

import numpy as np
import pytest

REVERSE = """
.visible .entry reverse(.param .u64 source, .param .u64 target, .param .u32 n) {
    .shared .align 4 .b8 tile[256];
    .reg .b64 %source, %target, %at; .reg .b32 %t, %n, %own, %other, %v; .reg .pred %p;
    ld.param.u64 %source, [source];
    ld.param.u64 %target, [target];
    ld.param.u32 %n, [n];
    mov.u32 %t, %tid.x;
    mul.wide.u32 %at, %t, 4;
    add.u64 %source, %source, %at;
    add.u64 %target, %target, %at;
    mov.u32 %own, tile;
    mad.lo.u32 %own, %t, 4, %own;
    sub.u32 %other, %n, %t;
    shl.b32 %other, %other, 2;
    sub.u32 %other, %other, 4;
    ld.global.u32 %v, [%source];
    st.shared.u32 [%own], %v;
    bar.sync 0;  // filled
    ld.shared.u32 %v, [%other];
    bar.sync 0;  // read
    st.shared.u32 [%own], %v;
    bar.sync 0;  // filled again
    ld.shared.u32 %v, [%other];
    st.global.u32 [%target], %v;
    ret;
}
"""
ORDERS = ["forward", "reverse", "random"]


def run(module_text, text, *, threads=64, order="forward", check=15):
    from gpu_on_cpu import run_ptx

    source = np.arange(threads, dtype=np.uint32)
    target = np.zeros_like(source)
    run_ptx(
        module_text(text), 1, threads, source, target, np.uint32(threads), order=order, check=check
    )
    return source, target


def mutate(line: str, replacement: str) -> str:
    assert REVERSE.count(line) == 1
    return REVERSE.replace(line, replacement)


@pytest.mark.parametrize("order", ORDERS)
def test_the_kernel_itself_is_right(module_text, order):
    source, target = run(module_text, REVERSE, order=order)
    np.testing.assert_array_equal(source, target)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("which", ["filled", "filled again"])
def test_a_dropped_barrier_is_a_race(module_text, which, order):
    from gpu_on_cpu import Check, KernelFault

    mutant = mutate(f"bar.sync 0;  // {which}\n", "\n")
    with pytest.raises(KernelFault, match="race"):
        run(module_text, mutant, order=order, check=Check.ALL & ~Check.UNINITIALISED)


@pytest.mark.parametrize("order", ORDERS)
def test_writing_what_others_still_read_is_a_race(module_text, order):
    from gpu_on_cpu import KernelFault

    with pytest.raises(KernelFault, match=r"race: .* (read .* written|written .* read) by"):
        run(module_text, mutate("bar.sync 0;  // read\n", "\n"), order=order)


@pytest.mark.parametrize("order", ORDERS)
def test_reading_shared_memory_that_nobody_wrote(module_text, order):
    from gpu_on_cpu import KernelFault

    mutant = mutate("st.shared.u32 [%own], %v;\n    bar.sync 0;  // filled\n", "bar.sync 0;\n")
    with pytest.raises(KernelFault, match="uninitialised shared memory") as caught:
        run(module_text, mutant, order=order)
    assert "ld.shared.u32 %v, [%other];" in str(caught.value)


def test_writing_past_the_end_of_an_array(module_text):
    from gpu_on_cpu import KernelFault

    mutant = mutate("st.global.u32 [%target], %v;", "st.global.u32 [%target+4], %v;")
    with pytest.raises(KernelFault, match="global store out of bounds") as caught:
        run(module_text, mutant)
    assert caught.value.thread == (63, 0, 0)
    assert caught.value.kernel == "reverse"


def test_writing_to_read_only_memory(module_text):
    from gpu_on_cpu import KernelFault, run_ptx

    source, target = np.zeros((2, 64), np.uint32)
    target.flags.writeable = False
    with pytest.raises(KernelFault, match="read-only"):
        run_ptx(module_text(REVERSE), 1, 64, source, target, np.uint32(64))


def test_reading_past_the_end_of_shared_memory(module_text):
    from gpu_on_cpu import KernelFault

    with pytest.raises(KernelFault, match="shared store out of bounds: 4 bytes at offset 256"):
        run(module_text, REVERSE, threads=65)


def test_a_barrier_in_a_branch_is_divergent(module_text):
    from gpu_on_cpu import KernelFault

    mutant = mutate(
        "bar.sync 0;  // filled\n",
        "setp.lt.u32 %p, %t, 32; @%p bra First; bar.sync 0; bra Both;\n"
        "First: bar.sync 0;\n Both:\n",
    )
    with pytest.raises(KernelFault, match="divergent barrier"):
        run(module_text, mutant)


def test_a_barrier_that_some_threads_skip_by_exiting(module_text):
    from gpu_on_cpu import KernelFault

    mutant = mutate("bar.sync 0;  // read\n", "setp.eq.u32 %p, %t, 7; @%p ret; bar.sync 0;\n")
    with pytest.raises(KernelFault, match=r"barrier reached by 63 of 64 threads"):
        run(module_text, mutant)


def test_threads_that_wait_for_one_another_are_deadlocked(module_text):
    from gpu_on_cpu import KernelFault

    mutant = mutate(
        "bar.sync 0;  // read\n",
        "setp.eq.u32 %p, %t, 0; @%p bra Warp; bar.sync 0; bra Both;\n"
        "Warp: bar.warp.sync 0xffffffff;\n Both:\n",
    )
    with pytest.raises(KernelFault, match="deadlock: 63 threads wait at a barrier, 1 at a warp"):
        run(module_text, mutant)


def test_a_warp_barrier_does_not_order_the_block(module_text):
    from gpu_on_cpu import KernelFault

    mutant = mutate("bar.sync 0;  // filled\n", "bar.warp.sync 0xffffffff;\n")
    _, target = run(
        module_text, mutant.replace("bar.sync 0;", "bar.warp.sync 0xffffffff;"), threads=32
    )
    np.testing.assert_array_equal(target, np.arange(32))
    with pytest.raises(KernelFault, match=r"race|uninitialised"):
        run(module_text, mutant)


def test_an_atomic_and_a_plain_store_race(module_text):
    from gpu_on_cpu import KernelFault

    mutant = mutate(
        "bar.sync 0;  // filled\n",
        "bar.sync 0; setp.ne.u32 %p, %t, 0; @%p red.shared.add.u32 [tile], 1;"
        "@!%p st.shared.u32 [tile], %v;\n",
    )
    with pytest.raises(KernelFault, match="changed atomically"):
        run(module_text, mutant)


SHUFFLE = "shfl.sync.bfly.b32 %d, %a, 1, 31, {mask};"


def test_a_lane_outside_the_mask(evaluate):
    from gpu_on_cpu import KernelFault

    with pytest.raises(KernelFault, match="lane 16 executes it but is not in its mask 0xffff"):
        evaluate(SHUFFLE.format(mask="0xffff"), np.uint32, np.zeros(32, np.uint32))


def test_a_shuffle_that_reads_a_lane_outside_the_mask(evaluate):
    from gpu_on_cpu import KernelFault

    code = "and.b32 %t1, %t0, 1; setp.eq.u32 %p, %t1, 0; mov.u32 %d, 0; @%p " + SHUFFLE
    with pytest.raises(KernelFault, match="reads lane 1, which is not in its mask 0x55555555"):
        evaluate(code.format(mask="0x55555555"), np.uint32, np.zeros(32, np.uint32))


def test_a_partial_warp_under_a_full_mask(evaluate):
    from gpu_on_cpu import KernelFault

    with pytest.raises(KernelFault, match=r"waits for lane 8 .* does not exist"):
        evaluate(SHUFFLE.format(mask="0xffffffff"), np.uint32, np.zeros(40, np.uint32))


def test_more_threads_than_a_block_can_have(module_text):
    from gpu_on_cpu import LaunchError

    with pytest.raises(LaunchError, match=r"1025 threads .* at most 1024|is not within"):
        run(module_text, REVERSE, threads=1025)


def test_more_threads_than_the_kernel_allows(module_text):
    from gpu_on_cpu import LaunchError

    limited = REVERSE.replace("n) {", "n) .maxntid 32, 1, 1 {")
    with pytest.raises(LaunchError, match=r"64 threads .* at most 32"):
        run(module_text, limited)


def test_a_trap_names_its_line(module_text):
    from gpu_on_cpu import KernelFault

    mutant = mutate("bar.sync 0;  // read\n", "trap;\n")
    with pytest.raises(KernelFault, match="trap") as caught:
        run(module_text, mutant)
    assert module_text(mutant).splitlines()[caught.value.line - 1].strip() == "trap;"


def test_without_a_check_its_bug_goes_unnoticed(module_text):
    from gpu_on_cpu import Check

    mutant = mutate("bar.sync 0;  // read\n", "\n")
    run(module_text, mutant, check=Check.ALL & ~Check.RACES)
