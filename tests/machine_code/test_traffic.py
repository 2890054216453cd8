"""Softmax as an example: one pass that reads, one that reads again and writes."""

import pytest
from machine_code.traffic import Pass, Traffic, unlike, widest_access
from support.sass import listing

LOAD, STORE = "LDG.E R4, [R2.64]", "STG.E [R6.64], R4"
ROWS = Traffic((Pass(1, 0), Pass(1, 1)), least=2)


def loops(*bodies):
    lines = []
    for n, body in enumerate(bodies):
        lines += [f".L_x_{n}:", *body, f"@P0 BRA `(.L_x_{n})"]
    return listing(*lines, "EXIT")


def test_an_element_costs_what_all_passes_read_and_write():
    assert ROWS.numbers == 3


@pytest.mark.parametrize("unrolled", [1, 4])
def test_passes_are_recognised_however_far_they_are_unrolled(unrolled):
    code = loops([LOAD] * unrolled, [LOAD, STORE] * unrolled)
    assert unlike(ROWS, code, itemsize=4) == []


def test_a_number_that_is_read_twice_in_a_pass_is_noticed():
    (said,) = unlike(ROWS, loops([LOAD], [LOAD, STORE], [LOAD, LOAD, STORE]), itemsize=4)
    assert "reads 8 bytes and writes 4" in said


def test_a_pass_that_is_missing_is_noticed():
    (said,) = unlike(ROWS, loops([LOAD, STORE]), itemsize=4)
    assert "reads 1 and writes 0" in said


def test_a_pass_too_many_is_noticed():
    assert unlike(Traffic((Pass(1, 1),), 2), loops([LOAD], [LOAD, STORE]), itemsize=4)


def test_only_wide_accesses_count_where_there_is_a_fast_path():
    wide = ["LDG.E.128 R4, [R2.64]", "STG.E.128 [R6.64], R4", LOAD, LOAD, LOAD, STORE]
    stated = Traffic((Pass(1, 1),), 2, wide=True)
    assert unlike(stated, loops(wide), itemsize=4) == []
    assert widest_access(stated, loops(wide)) == 16
    assert unlike(stated, loops([LOAD, STORE]), itemsize=4)  # the fast path is gone


def test_loops_that_leave_memory_alone_are_no_passes():
    assert unlike(ROWS, loops([LOAD], ["MUFU.EX2 R1, R2"], [LOAD, STORE]), itemsize=4) == []
