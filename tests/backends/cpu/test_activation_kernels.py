"""What the engine keeps for an activation's backward kernel is what that kernel reads."""

import pytest

from mlpcore.backends.cpu.activation_kernels import KEEPS_A
from mlpcore.kernels.cpu.activations import EMITTERS
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Scope


@pytest.mark.parametrize("name", EMITTERS)
def test_z_is_kept_where_the_kernel_reads_it(name):
    """Known without what writes kernels, which a process with a warm cache never imports."""
    assert (name not in KEEPS_A) == (EMITTERS[name].keeps == "z")


def test_every_activation_has_kernels():
    by_row = {name for name, function in ACTIVATIONS.items() if function.scope is Scope.ROW}
    assert set(EMITTERS) | by_row == set(ACTIVATIONS)
    assert KEEPS_A - set(EMITTERS) == by_row
