import pytest
from machine_code.assembly import read_report
from machine_code.tools import ToolError

REPORT = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'k' for 'sm_80'
ptxas info    : Function properties for k
    24 bytes stack frame, 16 bytes spill stores, 20 bytes spill loads
ptxas info    : Used 38 registers, used 1 barriers, 64 bytes smem, 384 bytes cmem[0]
"""


def test_the_report_is_read_as_numbers():
    it = read_report(REPORT)
    assert (it.registers, it.shared, it.spilled, it.stack) == (38, 64, 36, 24)


def test_a_kernel_without_shared_memory_has_none():
    assert read_report(REPORT.replace(" 64 bytes smem,", "")).shared == 0


@pytest.mark.parametrize("report", ["", REPORT + REPORT])
def test_other_than_one_kernel_is_an_error(report):
    with pytest.raises(ToolError, match="one kernel"):
        read_report(report)
