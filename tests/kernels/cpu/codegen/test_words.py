"""Vectors of 64-bit integers and of truths compute what NumPy computes, whatever the dtype."""

import numpy as np
import pytest
from support.written_kernels import ISAS, each_target, kernels

pytestmark = pytest.mark.skipif(not ISAS, reason="this processor has no instruction set of ours")

BINARY = {
    "product of halves": (
        lambda a, b: a.product_of_halves(b),
        lambda a, b: (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF),
    ),
    "product of halves with a number": (
        lambda a, b: a.product_of_halves(0xD2511F53),
        lambda a, b: (a & 0xFFFFFFFF) * np.uint64(0xD2511F53),
    ),
    "halves and back": (lambda a, b: a.halves().wholes(), lambda a, b: a),
    "turned": (
        lambda a, b: a.shuffle(b, list(range(a.type.count, 2 * a.type.count))),
        lambda a, b: b,
    ),
    "lower halves of both": (
        lambda a, b: a.halves().shuffle(b.halves(), alternating(a.type.count)).wholes(),
        lambda a, b: (a & 0xFFFFFFFF) | (b << np.uint64(32)),
    ),
    "place": (lambda a, b: a + a.f.ramp(), lambda a, b: a + np.arange(len(a), dtype=np.uint64)),
    "a number": (lambda a, b: a ^ a.f.int(-3).splat(), lambda a, b: a ^ np.uint64(2**64 - 3)),
}


def alternating(count):
    return [2 * lane + half for lane in range(count) for half in (0, 2 * count)]


def write(module):
    for number, (compute, _) in enumerate(BINARY.values()):
        name = f"binary_{number}"
        with module.function(name, "address", "address", "address") as (f, a, b, y):
            words = [integers(f, p) for p in (a, b)]
            y.store(compute(*words))
    with module.function("at_least", "address", "address", "address") as (f, a, b, y):
        truth = integers(f, a).halves().at_least(integers(f, b).halves())
        y.store_truths(truth)
    with module.function("chosen", "address", "address", "address") as (f, x, truths, y):
        y.store(truths.truths(1, f.lanes).select(x.vector(), 0.0))


def integers(f, place):
    """Return the 64-bit integers that fill a vector."""
    lanes = f.isa.vector_bytes // 8
    return sum_of_lanes(f, [place.int(lane) for lane in range(lanes)])


def sum_of_lanes(f, numbers):
    total = f.int(0).splat()
    for lane, number in enumerate(numbers):
        chosen = f.ramp().equals(lane).select(number.splat(), 0)
        total = total + chosen
    return total


def words(isa, seed):
    """Return numbers of all sizes: also such as a sign would make negative."""
    rng = np.random.default_rng(seed)
    count = isa.vector_bytes // 8
    return rng.integers(0, 2**64, count, dtype=np.uint64) >> rng.integers(0, 40, count).astype("u8")


def run(isa, dtype, name, a, b, result):
    compiled = kernels(write, isa, dtype)
    compiled.function(name)(a.ctypes.data, b.ctypes.data, result.ctypes.data)
    return result


@each_target
@pytest.mark.parametrize("name", BINARY)
def test_words(isa, dtype, name):
    number = list(BINARY).index(name)
    for seed in range(5):
        a, b = words(isa, seed), words(isa, 100 + seed)
        y = run(isa, dtype, f"binary_{number}", a, b, np.zeros_like(a))
        np.testing.assert_array_equal(y, BINARY[name][1](a, b))


@each_target
def test_words_are_compared_without_a_sign(isa, dtype):
    a, b = words(isa, 1), words(isa, 2)
    b[0] = a[0]
    truths = run(isa, dtype, "at_least", a, b, np.full(2 * len(a), 77, np.uint8))
    np.testing.assert_array_equal(truths, a.view(np.uint32) >= b.view(np.uint32))


@each_target
def test_bytes_choose_lanes(isa, dtype):
    lanes = isa.vector_bytes // np.dtype(dtype).itemsize
    x = np.arange(1, lanes + 1).astype(dtype)
    truths = (np.arange(lanes + 1) * 5 % 3).astype(np.uint8)
    y = run(isa, dtype, "chosen", x, truths, np.empty_like(x))
    np.testing.assert_array_equal(y, np.where(truths[1:] != 0, x, 0))
