"""Loops, conditions, variables, masks and calls do what is written, on every instruction set."""

import ctypes
import functools
import mmap
import os

import numpy as np
import pytest
from support.written_kernels import each_target, kernels, lanes_of, unshared, written


@each_target
def test_a_loop_counts_from_start_to_stop_by_step(isa, dtype):
    def write(module):
        with module.function("kernel", "int", "int", "int", result="int") as (f, start, stop, step):
            digits = f.variable(f.int(0))
            with f.loop(start, stop, step) as i:
                digits.value = digits.value * 10 + i
            f.returns(digits.value)

    kernel = written(write, isa, dtype)
    assert kernel(1, 5, 1) == 1234
    assert kernel(1, 8, 3) == 147
    assert kernel(3, 3, 1) == 0
    assert kernel(4, 3, 1) == 0


@each_target
def test_loops_lie_in_each_other(isa, dtype):
    def write(module):
        with (
            module.function("kernel", "address", "int", "int") as (f, out, rows, columns),
            f.loop(0, rows) as i,
            f.loop(0, columns) as j,
        ):
            out.store(i * 100 + j, i * columns + j)

    out = np.zeros(12, np.int64)
    written(write, isa, dtype)(out.ctypes.data, 3, 4)
    assert out.tolist() == [100 * i + j for i in range(3) for j in range(4)]


@each_target
def test_a_while_loop_evaluates_its_condition_each_time(isa, dtype):
    """The steps of Collatz's sequence from 27 to 1."""

    def write(module):
        with module.function("kernel", "int", result="int") as (f, n):
            value, steps = f.variable(n), f.variable(f.int(0))
            with f.while_(lambda: value.value > 1):
                odd = (value.value % 2).equals(1)
                value.value = odd.select(value.value * 3 + 1, value.value // 2)
                steps.value = steps.value + 1
            f.returns(steps.value)

    assert written(write, isa, dtype)(27) == 111
    assert written(write, isa, dtype)(1) == 0


@each_target
def test_repeat_carries_values_from_round_to_round(isa, dtype):
    """Fibonacci's numbers, and sums of vectors beside them."""

    def write(module):
        with module.function("kernel", "int", "address", result="int") as (f, n, p):
            a, _, total = f.repeat(
                n,
                [f.int(0), f.int(1), f.number(0.0)],
                lambda v: [v[1], v[0] + v[1], v[2] + 0.5],
            )
            p.store(total)
            f.returns(a)

    kernel = written(write, isa, dtype)
    total = np.zeros(lanes_of(isa, dtype), dtype)
    for n, expected in [(0, 0), (1, 1), (10, 55), (50, 12586269025)]:
        assert kernel(n, total.ctypes.data) == expected
        assert (total == n / 2).all()


@each_target
def test_either_and_when_choose(isa, dtype):
    def write(module):
        with module.function("kernel", "int", result="int") as (f, n):
            result = f.variable(f.int(0))
            with f.either(n > 10) as (many, few):
                with many:
                    result.value = f.int(1)
                with few:
                    result.value = f.int(2)
            with f.when(n.equals(0)):
                f.returns(f.int(-1))
            f.returns(result.value)

    assert [written(write, isa, dtype)(n) for n in (11, 10, 0)] == [1, 2, -1]


@each_target
def test_variables_hold_what_was_assigned_last(isa, dtype):
    def write(module):
        with module.function("kernel", "real", "real", result="real") as (f, x, y):
            first, second = f.variable(x), f.variable(y)
            first.value, second.value = second.value, first.value
            first.value = 10.0
            f.returns(first.value - second.value)

    assert written(write, isa, dtype)(1.5, 2.5) == 8.5


@each_target
def test_tables_hold_numbers_in_the_dtype_and_integers(isa, dtype):
    numbers, integers = [0.1, -2.5, 1e30], [7, -(2**40), 0]

    def write(module):
        with module.function("kernel", "int", "address", result="real") as (f, i, out):
            out.store(f.table(integers, "int").int(i))
            f.returns(f.table(numbers).real(i))

    kernel, out = written(write, isa, dtype), np.zeros(1, np.int64)
    for i in range(3):
        assert kernel(i, out.ctypes.data) == dtype(numbers[i])
        assert out[0] == integers[i]


@each_target
def test_memory_on_the_stack_starts_at_its_boundary(isa, dtype):
    def write(module):
        with module.function("kernel", "address", result="int") as (f, p):
            buffer = f.buffer(256)
            buffer.store(p.vector())
            buffer.bytes(128).store(buffer.vector() * 2)
            p.store(buffer.bytes(128).vector())
            f.returns(buffer.as_int() % 64)

    values = np.arange(64 // np.dtype(dtype).itemsize, dtype=dtype)
    lanes = lanes_of(isa, dtype)
    expected = values * np.where(np.arange(len(values)) < lanes, 2, 1)
    assert written(write, isa, dtype)(values.ctypes.data) == 0
    assert (values == expected).all()


@each_target
@pytest.mark.parametrize("count", [-1, 0, 1, 2, 3, 5, 8, 15, 16, 17, 2**40])
def test_the_first_lanes_are_read_and_written_and_no_others(count, isa, dtype):
    kernel = kernels(write_masks, isa, dtype).function("copy")
    lanes = lanes_of(isa, dtype)
    source, target = np.arange(1, lanes + 1, dtype=dtype), np.full(lanes, -1, dtype)
    loaded = np.full(lanes, -1, dtype)
    kernel(source.ctypes.data, target.ctypes.data, loaded.ctypes.data, count)
    first = np.arange(lanes) < count
    assert (target == np.where(first, source, -1)).all()
    assert (loaded == np.where(first, source, 0)).all()


def write_masks(module):
    with module.function("copy", "address", "address", "address", "int") as (f, a, b, c, n):
        mask = f.first_lanes(n)
        b.store(a.vector(0, mask), 0, mask)
        c.store(a.vector(0, mask))


@each_target
@pytest.mark.skipif(os.name != "posix", reason="takes the right to read a page away")
def test_lanes_beyond_the_mask_may_lie_where_nothing_can_be_read(isa, dtype):
    page, itemsize = mmap.PAGESIZE, np.dtype(dtype).itemsize
    start, protect = page_pair()
    last = start + page - 3 * itemsize
    loaded = np.ones(lanes_of(isa, dtype), dtype)
    assert protect(start + page, page, _NO_ACCESS) == 0
    kernels(write_masks, isa, dtype).function("copy")(
        last, last, loaded.ctypes.data, min(3, len(loaded))
    )
    assert protect(start + page, page, mmap.PROT_READ | mmap.PROT_WRITE) == 0
    assert (loaded == 0).all()


_NO_ACCESS = 0  # PROT_NONE


@functools.cache
def page_pair():
    """Return the address of two pages of zeros, and the C function mprotect."""
    memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    first = ctypes.c_char.from_buffer(memory)
    page_pair.kept = first
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return ctypes.addressof(first), protect


@each_target
def test_kernels_call_each_other_by_name_and_by_address(isa, dtype):
    def write(module):
        with module.function("twice", "int", "real", result="real", private=True) as (f, _, x):
            f.returns(x * 2)
        with module.function("negated", "int", "real", result="real") as (f, _, x):
            f.returns(-x)
        with module.function("kernel", "int", "real", result="real") as (f, i, x):
            table = f.pointers(["twice", "negated"])
            by_address = f.call_at(table.address(i), i, x, result="real")
            f.returns(by_address + f.call("twice", i, x) * 100)

    loaded = unshared(write, isa, dtype)
    assert "twice" not in loaded.signatures
    assert [loaded.function("kernel")(i, 3.0) for i in (0, 1)] == [606.0, 597.0]
    assert loaded.function("negated")(0, 1.5) == -1.5


@each_target
def test_a_kernel_of_another_module_is_called_by_its_address(isa, dtype):
    def write_square(module):
        with module.function("kernel", "real", result="real") as (f, x):
            f.returns(x * x)

    def write_caller(module):
        with module.function("kernel", "address", "real", result="real") as (f, p, x):
            f.returns(f.call_at(p, x, result="real") + 1)

    square = unshared(write_square, isa, dtype)
    assert written(write_caller, isa, dtype)(square["kernel"], 3.0) == 10.0


@each_target
def test_c_functions_are_called_by_name(isa, dtype):
    def write(module):
        with module.function("kernel", "int", result="int") as (f, n):
            f.returns(f.call_external("labs", n, result="int"))

    assert written(write, isa, dtype)(-(2**40)) == 2**40


@each_target
def test_addresses_are_read_from_memory(isa, dtype):
    def write(module):
        with module.function("kernel", "address", "int", result="real") as (f, table, i):
            f.returns(table.address(i).real(1) + table.ints(i).address().reals(2).real())

    values = np.array([1, 2, 3], dtype)
    table = np.array([0, values.ctypes.data], np.int64)
    assert written(write, isa, dtype)(table.ctypes.data, 1) == 5.0


@each_target
def test_indices_outside_the_range_become_its_ends(isa, dtype):
    def write(module):
        with module.function("kernel", "address", "address", "int") as (f, indices, out, n):
            mask = f.first_lanes(n)
            out.store(f.masked_indices(indices, mask).to_real())

    lanes = lanes_of(isa, dtype)
    indices = np.resize(np.array([3, -7, 2**62, 0], np.int64), lanes)
    out = np.zeros(lanes, dtype)
    written(write, isa, dtype)(indices.ctypes.data, out.ctypes.data, lanes - 1)
    expected = indices.clip(-1, 2**31 - 1).astype(dtype)
    expected[-1] = -1
    assert (out == expected).all()
