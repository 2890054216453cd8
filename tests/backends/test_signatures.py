"""Both backends offer the same: whatever runs on one runs on the other."""

import inspect

from mlpcore.backends.base import Backend
from mlpcore.backends.cpu.backend import CPUBackend
from mlpcore.backends.cuda.backend import CUDABackend


def public(cls):
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(cls, callable)
        if not name.startswith("_")
    }


def test_both_backends_have_the_same_public_signatures():
    assert public(CPUBackend) == public(CUDABackend)


def test_every_method_of_the_interface_is_there_with_its_arguments():
    found = public(CPUBackend)
    for name, signature in public(Backend).items():
        assert list(found[name].parameters) == list(signature.parameters), name


def test_nothing_public_goes_beyond_the_interface():
    attributes = {"name", "xp", "device"}
    assert set(public(CPUBackend)) - attributes == set(public(Backend)) - attributes
