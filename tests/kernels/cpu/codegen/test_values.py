"""Each operator computes what IEEE 754 says, to the bit, on every instruction set and dtype."""

import numpy as np
import pytest
from support.written_kernels import DTYPES, ISAS, each_target, kernels, lanes_of, written

# Of two vectors x, y; and of two arrays.  All are exact as IEEE 754 says, so all bits are known.
REAL = {
    "sum": (lambda x, y: x + y, lambda x, y: x + y),
    "sum with a number": (lambda x, y: 0.1 + x, lambda x, y: x.dtype.type(0.1) + x),
    "difference": (lambda x, y: x - y, lambda x, y: x - y),
    "number less a value": (lambda x, y: 3 - x, lambda x, y: x.dtype.type(3) - x),
    "product": (lambda x, y: x * y, lambda x, y: x * y),
    "quotient": (lambda x, y: x / y, lambda x, y: x / y),
    "number by a value": (lambda x, y: 1 / x, lambda x, y: x.dtype.type(1) / x),
    "negative": (lambda x, y: -x, lambda x, y: -x),
    "absolute value": (lambda x, y: x.abs(), lambda x, y: np.abs(x)),
    "square root": (lambda x, y: x.sqrt(), lambda x, y: np.sqrt(x)),
    "sign of another": (lambda x, y: x.copysign(y), lambda x, y: np.copysign(x, y)),
    "negative zero": (lambda x, y: x * 0.0 + -0.0, lambda x, y: x * 0 + x.dtype.type(-0.0)),
    "larger": (lambda x, y: x.above(y), lambda x, y: np.where(y > x, y, x)),
    "larger than a number": (lambda x, y: x.above(0.5), lambda x, y: np.where(x < 0.5, 0.5, x)),
    "smaller": (lambda x, y: x.below(y), lambda x, y: np.where(y < x, y, x)),
    "less": (lambda x, y: (x < y).select(1.0, x), lambda x, y: np.where(x < y, 1, x)),
    "at most": (lambda x, y: (x <= y).select(1.0, x), lambda x, y: np.where(x <= y, 1, x)),
    "greater": (lambda x, y: (x > y).select(1.0, x), lambda x, y: np.where(x > y, 1, x)),
    "at least": (lambda x, y: (x >= y).select(1.0, x), lambda x, y: np.where(x >= y, 1, x)),
    "equal": (lambda x, y: x.equals(y).select(1.0, x), lambda x, y: np.where(x == y, 1, x)),
    "not a number": (
        lambda x, y: x.is_nan().select(y, x),
        lambda x, y: np.where(np.isnan(x), y, x),
    ),
    "and": (
        lambda x, y: ((x > 0) & (y > 0)).select(x, y),
        lambda x, y: np.where((x > 0) & (y > 0), x, y),
    ),
    "or": (
        lambda x, y: ((x > 0) | (y > 0)).select(x, y),
        lambda x, y: np.where((x > 0) | (y > 0), x, y),
    ),
    "not": (lambda x, y: (~(x > 0)).select(x, y), lambda x, y: np.where(x > 0, y, x)),
}


def words(a):
    """Return the bits of an array as signed integers."""
    return a.view(np.int32 if a.dtype == np.float32 else np.int64)


BITS = {
    "added": (lambda a, b: a + b, lambda a, b: a + b),
    "subtracted": (lambda a, b: a - b, lambda a, b: a - b),
    "and": (lambda a, b: a & b, lambda a, b: a & b),
    "or": (lambda a, b: a | b, lambda a, b: a | b),
    "exclusive or": (lambda a, b: a ^ b, lambda a, b: a ^ b),
    "up": (lambda a, b: a << 3, lambda a, b: a << 3),
    "down with the sign": (lambda a, b: a >> 5, lambda a, b: a >> 5),
    "down with zeros": (
        lambda a, b: a.logical_shift(5),
        lambda a, b: (a.view(f"u{a.itemsize}") >> np.uint8(5)).view(a.dtype),
    ),
    "less": (lambda a, b: (a < b).select(a, b), np.minimum),
    "greater": (lambda a, b: (a > b).select(a, b), np.maximum),
    "equal": (lambda a, b: a.equals(b).select(a, b), lambda a, b: b),
}

# Of two numbers that are not negative, the second not 0.
INTEGER = {
    "sum": (lambda a, b: a + b + 1, lambda a, b: a + b + 1),
    "difference": (lambda a, b: 5 - (a - b), lambda a, b: 5 - (a - b)),
    "product": (lambda a, b: 2 * a * b, lambda a, b: 2 * a * b),
    "quotient": (lambda a, b: a // b, lambda a, b: a // b),
    "remainder": (lambda a, b: a % b, lambda a, b: a % b),
    "quotient rounded up": (lambda a, b: a.ceil_div(b), lambda a, b: -(-a // b)),
    "and": (lambda a, b: a & b, lambda a, b: a & b),
    "or": (lambda a, b: a | b, lambda a, b: a | b),
    "smaller": (lambda a, b: a.min(b), min),
    "larger": (lambda a, b: a.max(b), max),
    "less": (lambda a, b: (a < b).as_int(), lambda a, b: int(a < b)),
    "at most": (lambda a, b: (a <= b).as_int(), lambda a, b: int(a <= b)),
    "greater": (lambda a, b: (a > b).as_int(), lambda a, b: int(a > b)),
    "at least": (lambda a, b: (a >= b).as_int(), lambda a, b: int(a >= b)),
    "equal": (lambda a, b: a.equals(b).as_int(), lambda a, b: int(a == b)),
    "there and back": (lambda a, b: (a + b).as_address().as_int(), lambda a, b: a + b),
}


def write_operators(module):
    for name, (operator, _) in REAL.items():
        with elementwise(module, f"real {name}") as (x, y, put):
            put(operator(x, y))
    for name, (operator, _) in BITS.items():
        with elementwise(module, f"bits {name}") as (x, y, put):
            put(operator(x.bits(), y.bits()).real())
    with elementwise(module, "real of an integer") as (x, y, put):
        put((x.bits() >> 7).to_real())
    with elementwise(module, "fused") as (x, y, put):
        put(x.fma(y, -1.0))
    for name, (operator, _) in INTEGER.items():
        with module.function(f"int {name}", "int", "int", result="int") as (f, a, b):
            f.returns(operator(a, b))


class elementwise:  # noqa: N801 - used like a function
    """The kernel out[i] = what the block puts, of x[i] and y[i], for i below n."""

    def __init__(self, module, name):
        self.function = module.function(name, *["address"] * 3, "int")

    def __enter__(self):
        f, x, y, out, n = self.function.__enter__()
        self.loop = f.loop(0, n, f.lanes)
        i = self.loop.__enter__()
        mask = f.first_lanes(n - i)
        return x.vector(i, mask), y.vector(i, mask), lambda value: out.store(value, i, mask)

    def __exit__(self, *error):
        self.loop.__exit__(*error)
        self.function.__exit__(*error)


def apply(kernel, x, y, guard=7.0):
    """Return what an elementwise kernel computes, having looked that it wrote nothing else."""
    out = np.full(len(x) + 1, guard, x.dtype)
    kernel(x.ctypes.data, y.ctypes.data, out.ctypes.data, len(x))
    assert out[-1] == guard
    return out[:-1]


def same_bits(a, b):
    """Tell whether the arrays are equal to the bit, where one NaN is as good as another."""
    return bool(((words(a) == words(b)) | (np.isnan(a) & np.isnan(b))).all())


@pytest.fixture(scope="module")
def operands():
    """Return a function that gives all pairs of special and of some ordinary numbers."""

    def make(dtype):
        info = np.finfo(dtype)
        special = [0.0, 1.0, 0.1, 2.5, info.tiny, info.smallest_subnormal, info.max, np.inf, np.nan]
        values = np.array([*special, *(-v for v in special)], dtype)
        random = np.random.default_rng(5).standard_normal((2, 41)).astype(dtype)
        pairs = np.array(np.meshgrid(values, values)).reshape(2, -1)
        x, y = np.concatenate([pairs.astype(dtype), random], axis=1)
        return x.copy(), y.copy()

    return make


@each_target
@pytest.mark.parametrize("name", REAL)
def test_an_operator_of_real_numbers(name, isa, dtype, operands):
    x, y = operands(dtype)
    with np.errstate(all="ignore"):
        expected = REAL[name][1](x, y).astype(dtype)
    assert same_bits(
        apply(kernels(write_operators, isa, dtype).function(f"real {name}"), x, y), expected
    )


@each_target
def test_lanes_are_taken_from_two_vectors_in_any_order(isa, dtype):
    def write(module):
        with module.function("kernel", "address", "address", "address") as (f, a, b, out):
            x, y, lanes = a.vector(), b.vector(), f.lanes
            out.store(x.shuffle(y, [2 * lanes - 1, *range(lanes - 2, -1, -1)]))
            out.store((x.lane(1) + y.lane(0)).splat(), lanes)

    x, y, out = np.random.default_rng(8).standard_normal((3, 2 * 64)).astype(dtype)
    lanes = lanes_of(isa, dtype)
    written(write, isa, dtype)(x.ctypes.data, y.ctypes.data, out.ctypes.data)
    assert (out[:lanes] == [y[lanes - 1], *x[lanes - 2 :: -1]]).all()
    assert (out[lanes : 2 * lanes] == x[1] + y[0]).all()


@each_target
@pytest.mark.parametrize("name", BITS)
def test_an_operator_of_bits(name, isa, dtype):
    x, y = np.random.default_rng(6).standard_normal((2, 1001)).astype(dtype)
    out = apply(kernels(write_operators, isa, dtype).function(f"bits {name}"), x, y)
    with np.errstate(over="ignore"):
        assert (words(out) == BITS[name][1](words(x), words(y))).all()


@each_target
def test_integers_become_real_numbers(isa, dtype):
    x = np.random.default_rng(7).standard_normal(1001).astype(dtype)
    out = apply(kernels(write_operators, isa, dtype).function("real of an integer"), x, x)
    assert (out == (words(x) >> 7).astype(dtype)).all()


@each_target
def test_a_fused_multiply_add_rounds_once(isa, dtype):
    """(1 + e)(1 - e) - 1 = -e^2, of which nothing is left if the product is rounded."""
    e = np.finfo(dtype).eps
    x, y = np.full(19, 1 + e, dtype), np.full(19, 1 - e, dtype)
    assert (apply(kernels(write_operators, isa, dtype).function("fused"), x, y) == -e * e).all()
    assert (x * y - 1 == 0).all()


@each_target
@pytest.mark.parametrize("name", INTEGER)
def test_an_operator_of_integers(name, isa, dtype):
    kernel = kernels(write_operators, isa, dtype).function(f"int {name}")
    for a, b in [(0, 1), (7, 2), (6, 3), (2**40 + 1, 3), (3, 2**40), (5, 5)]:
        assert kernel(a, b) == INTEGER[name][1](a, b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_instruction_set_computes_the_same_bits(dtype, operands):
    x, y = operands(dtype)
    for name in kernels(write_operators, ISAS[0], dtype).signatures:
        if name.startswith(("real", "bits", "fused")):
            found = [
                apply(kernels(write_operators, isa, dtype).function(name), x, y) for isa in ISAS
            ]
            assert all(same_bits(found[0], other) for other in found[1:]), name
