from machine_code.roofline import SHEETS, elements_a_second, issue_limit


def test_memory_bounds_a_copy_by_its_bytes():
    a100 = SHEETS[0]
    assert elements_a_second(a100, 8) == a100.bandwidth / 8


def test_an_a100_issues_another_instruction_beside_each_multiply_add():
    assert issue_limit((8, 0), 0.5) == 1
    assert issue_limit((9, 0), 0.5) == 0.5
    assert issue_limit((8, 0), 0.25) == 0.5
