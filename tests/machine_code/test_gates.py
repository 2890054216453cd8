"""Each gate closes on the kernel that it is for."""

from dataclasses import replace

import pytest
from machine_code.assembly import Assembled
from machine_code.gates import objections
from machine_code.measure import Measured
from support.sass import listing

GOOD = Measured("softmax 32", "float32", (9, 0), Assembled(32, 0, spilled=0, stack=0), shared=0)


def having(**changes):
    return replace(GOOD, assembled=replace(GOOD.assembled, **changes))


def product(*body):
    sass = listing(".L_x_0:", *body, "@P0 BRA `(.L_x_0)", "LDG.E.128 R4, [R2.64]")
    return Measured(
        "tiled affine", "float32", (9, 0), Assembled(128, 20480, 0, 0, sass), shared=20480
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
