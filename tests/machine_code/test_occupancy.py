import pytest
from machine_code.architectures import ARCHITECTURES, WARP
from machine_code.occupancy import occupancy, resident_blocks


@pytest.mark.parametrize("capability", ARCHITECTURES)
def test_a_modest_kernel_fills_every_architecture(capability):
    assert occupancy(capability, threads=256, registers=32, shared=0) == 1


def test_registers_are_handed_out_to_warps_in_portions_of_256():
    # 40 x 32 = 1280 = 5 x 256: 51 warps by division, 48 as multiples of the four schedulers.
    assert occupancy((9, 0), 256, 40, 0) == 48 / 64
    # 33 x 32 = 1056, which takes as much as 40 x 32.
    assert occupancy((9, 0), 256, 33, 0) == occupancy((9, 0), 256, 40, 0)


def test_shared_memory_counts_what_cuda_keeps_for_itself():
    assert resident_blocks((8, 0), 128, 32, 163 * 1024) == 1
    assert resident_blocks((8, 0), 128, 32, 163 * 1024 + 1) == 0
    assert resident_blocks((7, 5), 128, 32, 64 * 1024) == 1


def test_a_multiprocessor_holds_so_many_blocks_however_small():
    assert resident_blocks((7, 5), 32, 16, 0) == 16
    assert resident_blocks((12, 0), 32, 16, 0) == 24


def test_255_registers_leave_room_for_eight_warps():
    assert resident_blocks((9, 0), 128, 255, 0) * 128 / WARP == 8


def test_a_block_that_has_more_registers_than_there_are_does_not_fit():
    assert occupancy((9, 0), 1024, 96, 0) == 0
