"""The one worker team of this process."""

import functools

from mlpcore.backends.cpu.library import Library, library
from mlpcore.backends.cpu.team import Team
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set, supported
from mlpcore.kernels.cpu.units import Kernels


@functools.cache
def team() -> Team:
    """Return the team; its workers run kernels of any instruction set and dtype.

    What they themselves run is of the instruction set that is asked for, so that a process told to
    keep to one executes no other.
    """
    return Team(_load)


def _load() -> Kernels:
    # Kernels that were loaded before they were switched off are still shared out.
    isa = instruction_set() or supported()[0]
    own: Library = library(isa, "float32")
    return own.kernels("team")
