import pytest
from machine_code.products import main_loop
from machine_code.sass import innermost_loops, read_sass
from support.sass import listing

NESTED = listing(
    "MOV R1, R2",
    ".L_x_1:",
    "S2R R0, SR_TID.X",
    ".L_x_2:",
    "LDG.E.128 R4, desc[UR6][R2.64]",
    "FFMA R1, R4, R5, R1",
    "@P0 BRA `(.L_x_2)",
    "STG.E desc[UR6][R2.64], R1",
    "@!P1 BRA `(.L_x_1)",
    "EXIT",
    ".L_x_3:",
    "BRA `(.L_x_3)",
)


def test_labels_stand_before_the_instructions_they_name():
    instructions, labels = read_sass(NESTED)
    assert [i.operation for i in instructions][:3] == ["MOV", "S2R", "LDG"]
    assert labels[".L_x_2"] == instructions[2].address


def test_the_innermost_loop_is_what_lies_between_a_branch_back_and_its_target():
    (loop,) = innermost_loops(NESTED)
    assert [i.operation for i in loop.body] == ["LDG", "FFMA", "BRA"]


def test_a_branch_forward_makes_no_loop():
    assert innermost_loops(listing("@P0 BRA `(.L_x_0)", "NOP", ".L_x_0:", "EXIT")) == []


@pytest.mark.parametrize(
    ("name", "size"),
    [("LDG.E", 4), ("LDG.E.64", 8), ("LDG.E.128.CONSTANT", 16), ("LDG.E.U8", 1), ("LDS.U.128", 16),
     ("LDG.E.ENL2.256", 32), ("STG.E.U16", 2), ("LDS", 4)],
)  # fmt: skip
def test_the_width_of_an_access_is_in_its_name(name, size):
    (instruction,), _ = read_sass(listing(f"{name} R4, [R2]"))
    assert instruction.bytes == size


def test_the_main_loop_is_the_one_with_the_most_multiply_adds():
    loops = [".L_x_0:", "FFMA R1, R2, R3, R1", "LDS R2, [R5]", "@P0 BRA `(.L_x_0)"]
    loops += [".L_x_1:", *["FFMA R1, R2, R3, R1"] * 6, "LDS.128 R4, [R5]", "NOP"]
    loops += ["@P0 BRA `(.L_x_1)", "LDG.E.64 R4, [R2]"]
    found = main_loop(listing(*loops), itemsize=4)
    assert found.multiply_adds == 6
    assert found.share == 6 / 8
    assert found.shared_loads == (16,)
    assert found.global_loads == (8,)


def test_a_product_without_a_loop_is_an_error():
    with pytest.raises(ValueError, match="DFMA"):
        main_loop(NESTED, itemsize=8)
