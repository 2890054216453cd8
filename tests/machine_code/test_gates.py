"""Each gate closes on the kernel that it is for."""

from dataclasses import replace

import pytest
from machine_code.architectures import ARCHITECTURES
from machine_code.assembly import Assembled
from machine_code.gates import least_share, objections
from machine_code.measure import Measured
from support.sass import listing

GOOD = Measured("softmax 32", "float32", (9, 0), Assembled(32, 0, spilled=0, stack=0), shared=0)


def having(**changes):
    return replace(GOOD, assembled=replace(GOOD.assembled, **changes))


def product(*body, dtype="float32", capability=(9, 0)):
    sass = listing(".L_x_0:", *body, "@P0 BRA `(.L_x_0)", "LDG.E.128 R4, [R2.64]")
    return Measured(
        "tiled affine", dtype, capability, Assembled(128, 20480, 0, 0, sass), shared=20480
    )


def test_a_good_kernel_passes():
    assert objections(GOOD) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (having(spilled=8), "spills 8 bytes"),
        (having(registers=200), "200 registers"),
        (replace(GOOD, shared=4096), "4096 bytes of shared memory"),
        (replace(GOOD, shared=60 * 1024), "occupancy of"),
        (having(sass=listing(".L_x_0:", "LDG.E R4, [R2.64]", "@P0 BRA `(.L_x_0)")), "no loop"),
    ],
)
def test_a_kernel_that_takes_too_much_is_refused(bad, said):
    assert any(said in reason for reason in objections(bad))


def test_a_product_may_have_a_low_occupancy_which_it_gives_a_reason_for():
    good = product(*["FFMA R1, R2, R3, R1"] * 12, "LDS.128 R4, [R5]")
    assert good.program.ceilings.reason
    assert objections(good) == []


def test_a_product_needs_multiply_adds_and_wide_loads():
    few = product(*["FFMA R1, R2, R3, R1"] * 4, *["IADD3 R1, R2, R3, RZ"] * 4, "LDS.128 R4, [R5]")
    assert any("multiply-adds" in reason for reason in objections(few))
    narrow = product(*["FFMA R1, R2, R3, R1"] * 12, "LDS.64 R4, [R5]")
    assert any("shared memory" in reason for reason in objections(narrow))


@pytest.mark.parametrize("capability", ARCHITECTURES)
def test_float32_needs_the_same_share_everywhere(capability):
    assert least_share(4, capability) == 0.7


@pytest.mark.parametrize(
    ("capability", "lanes", "of"),
    [((7, 5), 2, 64), ((8, 0), 1, 2), ((9, 0), 1, 2), ((10, 0), 1, 2), ((12, 0), 2, 128)],
)
def test_float64_needs_a_share_by_the_lanes_there_are_for_it(capability, lanes, of):
    assert least_share(8, capability) == pytest.approx(0.7 * lanes / of)


def loop_of(operation, multiply_adds, others):
    body = [f"{operation} R1, R2, R3, R1"] * multiply_adds + ["IADD3 R1, R2, R3, RZ"] * others
    return [*body, "LDS.128 R4, [R5]"]


def test_a_share_that_is_enough_in_float64_is_refused_in_float32():
    assert objections(product(*loop_of("DFMA", 4, 4), dtype="float64")) == []
    (said,) = objections(product(*loop_of("FFMA", 4, 4)))
    assert "40.0% multiply-adds" in said
    assert "70.0%" in said


def test_a_share_that_is_enough_where_lanes_are_few_is_refused_where_they_are_many():
    body = loop_of("DFMA", 2, 4)
    assert objections(product(*body, dtype="float64", capability=(12, 0))) == []
    (said,) = objections(product(*body, dtype="float64", capability=(9, 0)))
    assert "25.0% multiply-adds" in said
    assert "35.0%" in said
