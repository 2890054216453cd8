"""Loads, stores, atomics, local arrays, constants and calls."""

import numpy as np
import pytest


def test_a_vector_is_loaded_and_stored_element_by_element(evaluate):
    x = np.arange(8, dtype=np.uint32)
    code = """
        and.b64 %p_a, %p_a, -16;
        ld.global.v4.b32 {%t0, %t1, %t2, %t3}, [%p_a];
        add.u32 %d, %t0, %t1; add.u32 %d, %d, %t2; add.u32 %d, %d, %t3;
    """
    aligned = np.zeros(16, np.uint32)
    start = (-aligned.ctypes.data // 4) % 4
    aligned = aligned[start : start + 8]
    aligned[:] = x
    np.testing.assert_array_equal(evaluate(code, np.uint32, aligned), [6] * 4 + [22] * 4)


def test_a_vector_must_be_aligned(evaluate):
    from gpu_on_cpu import KernelFault

    x = np.zeros(16, np.uint32)
    code = "or.b64 %p_a, %p_a, 4; ld.global.v2.b32 {%t0, %d}, [%p_a];"
    with pytest.raises(KernelFault, match="misaligned"):
        evaluate(code, np.uint32, x)


def test_packing_and_unpacking_words(evaluate):
    x = np.uint64([0x1122334455667788])
    swapped = evaluate("mov.b64 {%t1, %t2}, %a; mov.b64 %d, {%t2, %t1};", np.uint64, x)
    assert swapped[0] == 0x5566778811223344


def test_a_local_array_belongs_to_its_thread(module_text):
    from gpu_on_cpu import run_ptx

    text = module_text("""
    .visible .entry k(.param .u64 out) {
        .local .align 8 .b8 mine[64];
        .reg .b64 %local, %generic, %at, %out; .reg .b32 %t, %v; .reg .pred %p;
        ld.param.u64 %out, [out];
        mov.u32 %t, %tid.x;
        mov.u64 %local, mine;
        cvta.local.u64 %generic, %local;
        st.local.u32 [mine+4], %t;
        bar.sync 0;
        ld.u32 %v, [%generic+4];
        mul.wide.u32 %at, %t, 4;
        add.u64 %out, %out, %at;
        st.global.u32 [%out], %v;
        ret;
    }""")
    out = np.zeros(64, np.uint32)
    run_ptx(text, 1, 64, out)
    np.testing.assert_array_equal(out, np.arange(64))


def test_constants_and_globals_have_their_initial_values(module_text):
    from gpu_on_cpu import KernelFault, run_ptx

    text = """
    .const .align 4 .f32 table[3] = {0f3F800000, 0f40000000, 0f40400000};
    .global .align 8 .b8 zeros[16];
    .visible .entry k(.param .u64 out) {
        .reg .b64 %out; .reg .b32 %v;
        ld.param.u64 %out, [out];
        ld.const.b32 %v, [table+8];
        st.global.b32 [%out], %v;
        ld.global.b32 %v, [zeros+4];
        st.global.b32 [%out+4], %v;
        ret;
    }"""
    out = np.ones(2, np.float32)
    run_ptx(module_text(text), 1, 1, out)
    np.testing.assert_array_equal(out, [3, 0])
    beyond = text.replace("[table+8]", "[table+12]")
    with pytest.raises(KernelFault, match="out of bounds"):
        run_ptx(module_text(beyond), 1, 1, out)


def test_a_device_function_takes_arguments_and_returns(module_text):
    from gpu_on_cpu import run_ptx

    text = module_text("""
    .func (.param .b32 result) square_plus(.param .b32 x, .param .b32 y) {
        .reg .b32 %x, %y;
        ld.param.b32 %x, [x];
        ld.param.b32 %y, [y];
        mad.lo.u32 %x, %x, %x, %y;
        st.param.b32 [result+0], %x;
        ret;
    }
    .visible .entry k(.param .u64 out, .param .u32 n) {
        .reg .b64 %out; .reg .b32 %v;
        ld.param.u64 %out, [out];
        ld.param.u32 %v, [n];
        {
            .param .b32 first;
            st.param.b32 [first+0], %v;
            .param .b32 second;
            st.param.b32 [second+0], 5;
            .param .b32 answer;
            call.uni (answer), square_plus, (first, second);
            ld.param.b32 %v, [answer+0];
        }
        st.global.b32 [%out], %v;
        ret;
    }""")
    out = np.zeros(1, np.uint32)
    run_ptx(text, 1, 1, out, np.uint32(7))
    assert out[0] == 54


def test_parameters_are_laid_out_by_their_alignment(module_text):
    from gpu_on_cpu import load_ptx

    text = module_text(
        ".visible .entry k(.param .u8 a, .param .f64 b, .param .align 8 .b8 c[24], .param .u16 d)"
        "{ ret; }"
    )
    assert load_ptx(text).parameter_layout("k") == [(0, 1), (8, 8), (16, 24), (40, 2)]


def test_an_indexed_branch_takes_the_label_of_its_number(evaluate):
    code = """
    table: .branchtargets Zero, One, Two;
        brx.idx %a, table;
    Zero: mov.u32 %d, 10; bra Done;
    One:  mov.u32 %d, 11; bra Done;
    Two:  mov.u32 %d, 12;
    Done:
    """
    got = evaluate(code, np.uint32, np.uint32([2, 0, 1]))
    np.testing.assert_array_equal(got, [12, 10, 11])


def atomic_kernel(instruction: str, kind: str) -> str:
    bits = kind[1:]
    return f"""
    .visible .entry k(.param .u64 target, .param .u64 values, .param .u64 seen) {{
        .reg .b64 %target, %values, %seen, %at; .reg .b32 %t; .reg .b{bits} %v, %old;
        ld.param.u64 %target, [target];
        ld.param.u64 %values, [values];
        ld.param.u64 %seen, [seen];
        mov.u32 %t, %tid.x;
        mul.wide.u32 %at, %t, {int(bits) // 8};
        add.u64 %values, %values, %at;
        add.u64 %seen, %seen, %at;
        ld.global.b{bits} %v, [%values];
        {instruction}
        st.global.b{bits} [%seen], %old;
        ret;
    }}"""


@pytest.mark.parametrize(
    ("name", "kind", "dtype", "start", "combine"),
    [
        ("add", "u32", np.uint32, 5, lambda x, v: x + v),
        ("add", "f32", np.float32, 5, lambda x, v: x + v),
        ("add", "f64", np.float64, 5, lambda x, v: x + v),
        ("min", "s32", np.int32, 3, min),
        ("max", "u64", np.uint64, 3, max),
        ("and", "b32", np.uint32, 0xFF, lambda x, v: x & v),
        ("exch", "b32", np.uint32, 9, lambda x, v: v),
        ("inc", "u32", np.uint32, 2, lambda x, v: 0 if x >= v else x + 1),
        ("dec", "u32", np.uint32, 2, lambda x, v: v if x == 0 or x > v else x - 1),
    ],
)
def test_atomics_return_what_was_there(module_text, name, kind, dtype, start, combine):
    from gpu_on_cpu import run_ptx

    instruction = f"atom.global.{name}.{kind} %old, [%target], %v;"
    target, values = np.array([start], dtype), np.arange(1, 9).astype(dtype)
    seen = np.zeros(8, dtype)
    run_ptx(module_text(atomic_kernel(instruction, kind)), 1, 8, target, values, seen)
    value, expected = dtype(start), []
    for v in values:
        expected.append(value)
        value = dtype(combine(value, v))
    np.testing.assert_array_equal(seen, expected)
    assert target[0] == value


def test_compare_and_swap_lets_one_thread_win(module_text):
    from gpu_on_cpu import run_ptx

    text = module_text(atomic_kernel("atom.global.cas.b32 %old, [%target], 0, %v;", "b32"))
    for order, winner in (("forward", 1), ("reverse", 8)):
        target, seen = np.zeros(1, np.uint32), np.zeros(8, np.uint32)
        run_ptx(text, 1, 8, target, np.arange(1, 9, dtype=np.uint32), seen, order=order)
        assert target[0] == winner
        assert (seen == 0).sum() == 1


def test_a_generic_address_knows_its_space(module_text):
    from gpu_on_cpu import run_ptx

    text = module_text("""
    .visible .entry k(.param .u64 out) {
        .shared .align 4 .b8 tile[16];
        .local .align 4 .b8 mine[16];
        .reg .b64 %out, %a<3>; .reg .b32 %v; .reg .pred %p;
        ld.param.u64 %out, [out];
        mov.u64 %a0, tile; cvta.shared.u64 %a0, %a0;
        mov.u64 %a1, mine; cvta.local.u64 %a1, %a1;
        st.u32 [%a0+4], 5;
        ld.shared.u32 %v, [tile+4]; st.global.u32 [%out], %v;
        isspacep.shared %p, %a0; selp.u32 %v, 1, 0, %p; st.global.u32 [%out+4], %v;
        isspacep.local %p, %a1; selp.u32 %v, 1, 0, %p; st.global.u32 [%out+8], %v;
        isspacep.global %p, %out; selp.u32 %v, 1, 0, %p; st.global.u32 [%out+12], %v;
        isspacep.global %p, %a0; selp.u32 %v, 1, 0, %p; st.global.u32 [%out+16], %v;
        isspacep.shared %p, %a1; selp.u32 %v, 1, 0, %p; st.global.u32 [%out+20], %v;
        ret;
    }""")
    out = np.full(6, 9, np.uint32)
    run_ptx(text, 1, 1, out)
    np.testing.assert_array_equal(out, [5, 1, 1, 1, 0, 0])


def test_dynamic_shared_memory_comes_after_the_static(module_text):
    from gpu_on_cpu import KernelFault, run_ptx

    text = module_text("""
    .extern .shared .align 16 .b8 dynamic[];
    .visible .entry k(.param .u64 out) {
        .shared .align 4 .b8 fixed[20];
        .reg .b64 %out; .reg .b32 %f, %d, %v;
        ld.param.u64 %out, [out];
        st.shared.u32 [fixed+16], 1;
        st.shared.u32 [dynamic], 2;
        ld.shared.u32 %v, [fixed+16]; st.global.u32 [%out], %v;
        ld.shared.u32 %v, [dynamic]; st.global.u32 [%out+4], %v;
        ret;
    }""")
    out = np.zeros(2, np.uint32)
    run_ptx(text, 1, 1, out, dynamic_shared=4)
    np.testing.assert_array_equal(out, [1, 2])
    with pytest.raises(KernelFault, match="shared store out of bounds"):
        run_ptx(text, 1, 1, out)
