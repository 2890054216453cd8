"""What is promised where the compiled kernels compute, and not where the reference does."""

import pytest

from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set

of_kernels = pytest.mark.skipif(
    instruction_set() is None, reason="promised for the compiled kernels, which are not used here"
)
