"""Integer and bit instructions against Python's unbounded integers."""

import itertools

import numpy as np
import pytest

WORDS = [0, 1, 2, 3, 7, 31, 32, 33, 255, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFF, 0xDEADBEEF]
PAIRS = np.array(list(itertools.product(WORDS, WORDS)), np.uint32)
A, B = PAIRS[:, 0].copy(), PAIRS[:, 1].copy()
WIDE = [
    0,
    1,
    2,
    63,
    64,
    2**31,
    2**32 - 1,
    2**32 + 1,
    2**63 - 1,
    2**63,
    2**64 - 1,
    0x123456789ABCDEF,
]
WIDE_PAIRS = np.array(list(itertools.product(WIDE, WIDE)), np.uint64)


def as_type(value: int, kind: str) -> int:
    """The number that the low bits of `value` mean in a type such as s32."""
    bits = int(kind[1:])
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind[0] == "s" and value >> (bits - 1) else value


def check(evaluate, instruction, formula, out=None):
    """Hold an instruction of two operands to a formula on Python integers."""
    kind = instruction.split(".")[-1]
    pairs = WIDE_PAIRS if kind.endswith("64") else PAIRS
    a, b = pairs[:, 0].copy(), pairs[:, 1].copy()
    out = out or kind
    got = evaluate(f"{instruction} %d, %a, %b;", np.dtype(f"u{int(out[1:]) // 8}").type, a, b)
    expected = [
        as_type(formula(as_type(int(x), kind), as_type(int(y), kind)), "u" + out[1:])
        for x, y in pairs
    ]
    np.testing.assert_array_equal(got, np.array(expected, got.dtype))


@pytest.mark.parametrize("kind", ["u32", "s32", "u64", "s64"])
@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("add", lambda a, b: a + b),
        ("sub", lambda a, b: a - b),
        ("mul.lo", lambda a, b: a * b),
        ("min", min),
        ("max", max),
    ],
)
def test_arithmetic_wraps(evaluate, name, kind, formula):
    check(evaluate, f"{name}.{kind}", formula)


@pytest.mark.parametrize("kind", ["u32", "s32", "u64", "s64"])
def test_the_high_half_of_a_product(evaluate, kind):
    check(evaluate, f"mul.hi.{kind}", lambda a, b: (a * b) >> int(kind[1:]))


@pytest.mark.parametrize("kind", ["u32", "s32"])
def test_a_wide_product_is_whole(evaluate, kind):
    check(evaluate, f"mul.wide.{kind}", lambda a, b: a * b, out=f"{kind[0]}64")


def test_a_product_of_24_bits(evaluate):
    def low24(x):
        return as_type(x << 8, "s32") >> 8

    check(evaluate, "mul24.lo.s32", lambda a, b: low24(a) * low24(b))


@pytest.mark.parametrize("kind", ["u32", "s32", "s64"])
def test_division_truncates(evaluate, kind):
    nonzero = [(a, b) for a, b in (WIDE_PAIRS if kind == "s64" else PAIRS) if b != 0]
    unsigned = np.dtype(f"u{int(kind[1:]) // 8}").type
    a, b = (np.array(column, unsigned) for column in zip(*nonzero, strict=True))

    def quotient(x, y):
        magnitude = abs(x) // abs(y)
        return magnitude if (x < 0) == (y < 0) else -magnitude

    for name in ("div", "rem"):
        got = evaluate(f"{name}.{kind} %d, %a, %b;", unsigned, a, b)
        for x, y, d in zip(a, b, got, strict=True):
            p, q = as_type(int(x), kind), as_type(int(y), kind)
            expected = quotient(p, q) if name == "div" else p - q * quotient(p, q)
            assert int(d) == as_type(expected, "u" + kind[1:])


def test_division_by_zero_is_a_fault(evaluate):
    from gpu_on_cpu import KernelFault

    with pytest.raises(KernelFault, match="division by zero"):
        evaluate("div.u32 %d, %a, %b;", np.uint32, np.uint32([1]), np.uint32([0]))


def test_a_carry_chain_adds_128_bits(evaluate):
    low, high = WIDE_PAIRS[:, 0].copy(), WIDE_PAIRS[:, 1].copy()
    code = "add.cc.u64 %d, %a, %b; addc.u64 %d, %b, %a;"
    got = evaluate(code, np.uint64, low, high)
    for a, b, d in zip(low.tolist(), high.tolist(), got.tolist(), strict=True):
        assert d == (((b << 64) + a + (a << 64) + b) >> 64) % 2**64


def test_a_borrow_chain_subtracts_64_bits(evaluate):
    got = evaluate("sub.cc.u32 %d, %a, %b; subc.u32 %d, %b, %a;", np.uint32, A, B)
    for a, b, d in zip(A.tolist(), B.tolist(), got.tolist(), strict=True):
        assert d == ((((b << 32) + a) - ((a << 32) + b)) >> 32) % 2**32


def test_a_multiply_add_chain_carries(evaluate):
    code = "mad.lo.cc.u32 %d, %a, %b, %b; madc.hi.u32 %d, %a, %b, %a;"
    got = evaluate(code, np.uint32, A, B)
    for a, b, d in zip(A.tolist(), B.tolist(), got.tolist(), strict=True):
        assert d == ((a * b + b + (a << 32)) >> 32) % 2**32


def shifted(value: int, count: int, kind: str) -> int:
    return as_type(value, kind) >> count


def test_shifts_past_the_width_leave_nothing_or_the_sign(evaluate):
    check(evaluate, "shl.b32", lambda a, b: a << min(b, 32), out="b32")
    check(evaluate, "shr.u32", lambda a, b: a >> min(b, 32))
    got = evaluate("shr.s32 %d, %a, %b;", np.uint32, A, B)
    expected = [as_type(shifted(a, min(b, 31), "s32"), "u32") for a, b in PAIRS.tolist()]
    np.testing.assert_array_equal(got, np.array(expected, np.uint32))


@pytest.mark.parametrize("mode", ["wrap", "clamp"])
def test_funnel_shifts(evaluate, mode):
    count = np.arange(len(A), dtype=np.uint32) % 70
    left = evaluate(f"shf.l.{mode}.b32 %d, %a, %b, %c;", np.uint32, A, B, count)
    right = evaluate(f"shf.r.{mode}.b32 %d, %a, %b, %c;", np.uint32, A, B, count)
    for a, b, c, high, low in zip(*(x.tolist() for x in (A, B, count, left, right)), strict=True):
        n = c % 32 if mode == "wrap" else min(c, 32)
        pair = (b << 32) | a
        assert high == ((pair << n) >> 32) % 2**32
        assert low == (pair >> n) % 2**32


@pytest.mark.parametrize("table", [0x00, 0xFF, 0x80, 0xFE, 0x96, 0xE8, 0x1B])
def test_lookup_of_three_bits(evaluate, table):
    c = np.roll(A, 5)
    got = evaluate(f"lop3.b32 %d, %a, %b, %c, {table};", np.uint32, A, B, c)
    for a, b, x, d in zip(*(v.tolist() for v in (A, B, c, got)), strict=True):
        for bit in range(32):
            index = 4 * ((a >> bit) & 1) + 2 * ((b >> bit) & 1) + ((x >> bit) & 1)
            assert (d >> bit) & 1 == (table >> index) & 1


def test_byte_permutation(evaluate):
    selectors = np.array([(0x1234 * k + 0x89) & 0xFFFF for k in range(len(A))], np.uint32)
    got = evaluate("prmt.b32 %d, %a, %b, %c;", np.uint32, A, B, selectors)
    for a, b, s, d in zip(*(v.tolist() for v in (A, B, selectors, got)), strict=True):
        source = ((b << 32) | a).to_bytes(8, "little")
        chosen = []
        for k in range(4):
            selector = (s >> (4 * k)) & 15
            byte = source[selector & 7]
            chosen.append((255 if byte & 128 else 0) if selector & 8 else byte)
        assert d == int.from_bytes(bytes(chosen), "little")


@pytest.mark.parametrize("kind", ["u32", "s32"])
def test_bit_field_extraction(evaluate, kind):
    position = np.arange(len(A), dtype=np.uint32) % 40
    length = (np.arange(len(A), dtype=np.uint32) * 7) % 36
    got = evaluate(f"bfe.{kind} %d, %a, %b, %c;", np.uint32, A, position, length)
    for a, p, n, d in zip(*(v.tolist() for v in (A, position, length, got)), strict=True):
        if n == 0:
            expected = 0
        else:
            # Past the end of the register there is the sign, or zeros.
            extended = as_type(a, kind)
            field = (extended >> p) & ((1 << n) - 1)
            last = min(p + n - 1, 31)
            negative = kind == "s32" and (a >> last) & 1
            expected = field - (1 << n) if negative else field
        assert d == as_type(expected, "u32"), (hex(a), p, n)


def test_bit_field_insertion(evaluate):
    code = "bfi.b32 %d, %a, %b, 5, 11;"
    field = 0x7FF << 5
    expected = [((a << 5) & field) | (b & ~field & 0xFFFFFFFF) for a, b in PAIRS.tolist()]
    np.testing.assert_array_equal(evaluate(code, np.uint32, A, B), np.array(expected, np.uint32))


def test_counting_and_reversing_bits(evaluate):
    words = np.array(WIDE, np.uint64)
    counted = evaluate("popc.b64 %d, %a;", np.uint32, words)
    zeros = evaluate("clz.b64 %d, %a;", np.uint32, words)
    reversed_bits = evaluate("brev.b64 %d, %a;", np.uint64, words)
    top = evaluate("bfind.s64 %d, %a;", np.uint32, words)
    for word, c, z, r, t in zip(WIDE, counted, zeros, reversed_bits, top, strict=True):
        assert c == word.bit_count()
        assert z == 64 - word.bit_length()
        assert r == int(f"{word:064b}"[::-1], 2)
        signed = as_type(word, "s64")
        magnitude = ~signed if signed < 0 else signed
        assert t == (magnitude.bit_length() - 1) % 2**32


def test_negation_and_magnitude_of_the_most_negative_number(evaluate):
    words = np.array(WORDS, np.uint32)
    np.testing.assert_array_equal(evaluate("neg.s32 %d, %a;", np.uint32, words), -words)
    expected = [abs(as_type(w, "s32")) for w in WORDS]
    np.testing.assert_array_equal(evaluate("abs.s32 %d, %a;", np.uint32, words), expected)


COMPARISONS = [
    ("eq", np.equal),
    ("ne", np.not_equal),
    ("lt", np.less),
    ("le", np.less_equal),
    ("gt", np.greater),
    ("ge", np.greater_equal),
]


@pytest.mark.parametrize(("comparison", "function"), COMPARISONS)
@pytest.mark.parametrize("kind", ["u32", "s32"])
def test_comparisons(evaluate, comparison, function, kind):
    code = f"setp.{comparison}.{kind} %p, %a, %b; selp.b32 %d, 1, 0, %p;"
    got = evaluate(code, np.uint32, A, B)
    typed = [column.astype(np.int64) for column in (A, B)]
    if kind == "s32":
        typed = [column.view(np.int32) for column in (A, B)]
    np.testing.assert_array_equal(got, function(*typed))


def test_sub_word_values_are_extended_by_their_sign(evaluate):
    words = np.array(WORDS, np.uint32)
    got = evaluate("cvt.s32.s8 %d, %a;", np.int32, words)
    np.testing.assert_array_equal(got, words.astype(np.int8).astype(np.int32))
    got = evaluate("cvt.u64.u16 %d, %a;", np.uint64, words)
    np.testing.assert_array_equal(got, words.astype(np.uint16).astype(np.uint64))


def test_the_sum_of_absolute_differences(evaluate):
    c = np.roll(A, 3)
    got = evaluate("sad.s32 %d, %a, %b, %c;", np.uint32, A, B, c)
    for a, b, x, d in zip(*(v.tolist() for v in (A, B, c, got)), strict=True):
        assert d == (x + abs(as_type(a, "s32") - as_type(b, "s32"))) % 2**32


def test_choosing_by_a_sign(evaluate):
    got = evaluate("slct.u32.s32 %d, 10, 20, %a;", np.uint32, A)
    np.testing.assert_array_equal(got, np.where(A.view(np.int32) >= 0, 10, 20))


def test_logical_negation_of_a_word(evaluate):
    np.testing.assert_array_equal(evaluate("cnot.b32 %d, %a;", np.uint32, A), A == 0)
