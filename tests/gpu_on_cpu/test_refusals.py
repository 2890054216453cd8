"""What is not emulated must raise and say where, never compute something else."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    "code",
    [
        "add.sat.s32 %d, %a, %a;",
        "cvt.sat.u8.s32 %d, %a;",
        "fma.rn.f16x2 %d, %a, %a, %a;",
        "cvt.rn.bf16.f32 %d, %a;",
        "activemask.b32 %d;",
        "mov.u32 %d, %clock;",
        "bar.arrive 0, 64;",
        "bar.sync 1, 32;",
        "shfl.bfly.b32 %d, %a, 1, 31;",
        "atom.global.add.noftz.f16 %d, [%p_a], %a;",
        "red.global.max.f32 [%p_a], %a;",
        "cp.async.ca.shared.global [%p_a], [%p_a], 16;",
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 %d, %a, %a, %a;",
        "call.uni vprintf, (%a);",
        "frobnicate.u32 %d, %a;",
        "ld.global.u32 %d, [nowhere];",
        "mov.u32 %unknown, %a;",
    ],
)
def test_instructions_that_are_not_emulated(evaluate, code):
    from gpu_on_cpu import UnsupportedPTXError

    opcode = code.split()[0]
    with pytest.raises(UnsupportedPTXError, match=r"PTX line \d+: ") as caught:
        evaluate(code, np.uint32, np.zeros(1, np.uint32))
    assert isinstance(caught.value, NotImplementedError)
    assert opcode in str(caught.value) or "type" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        ".visible .entry k() { add.u32 }",
        ".visible .entry k() { ret;",
        ".visible .entry k() { .reg .zz9 %a; ret; }",
        ".visible .entry k()",
    ],
)
def test_text_that_is_not_ptx(module_text, text):
    from gpu_on_cpu import PTXSyntaxError, load_ptx

    with pytest.raises(PTXSyntaxError, match=r"PTX line \d+"):
        load_ptx(module_text(text))


def test_arguments_must_fit_the_parameters(module_text):
    from gpu_on_cpu import LaunchError, run_ptx

    text = module_text(".visible .entry k(.param .u64 a, .param .u32 n) { ret; }")
    with pytest.raises(LaunchError, match="takes 2 arguments"):
        run_ptx(text, 1, 1, np.zeros(1))
    with pytest.raises(LaunchError, match="4 bytes got 8 bytes"):
        run_ptx(text, 1, 1, np.zeros(1), np.float64(1))
