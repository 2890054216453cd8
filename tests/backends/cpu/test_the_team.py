"""The team of the process runs what the environment asks for."""

import pytest

from mlpcore.backends.cpu import the_team
from mlpcore.kernels.cpu.codegen.instruction_set import OFF, VARIABLE, supported

pytestmark = pytest.mark.skipif(not supported(), reason="no instruction set of ours")


@pytest.mark.parametrize("isa", supported(), ids=lambda isa: isa.name)
def test_its_kernels_are_of_the_instruction_set_that_is_asked_for(isa, monkeypatch):
    monkeypatch.setenv(VARIABLE, isa.name)
    assert the_team._load().isa == isa


def test_of_the_widest_where_none_is_asked_for(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert the_team._load().isa == supported()[0]


def test_kernels_that_were_switched_off_when_they_were_loaded_still_get_workers(monkeypatch):
    monkeypatch.setenv(VARIABLE, OFF)
    assert the_team._load().isa == supported()[0]
