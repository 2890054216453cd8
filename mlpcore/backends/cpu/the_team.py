"""The one worker team of this process."""

import functools

from mlpcore.backends.cpu.library import Library, library
from mlpcore.backends.cpu.team import Team
from mlpcore.kernels.cpu.codegen.instruction_set import supported
from mlpcore.kernels.cpu.units import Kernels


@functools.cache
def team() -> Team:
    """Return the team; its workers run kernels of any instruction set and dtype."""
    return Team(_load)


def _load() -> Kernels:
    own: Library = library(supported()[0], "float32")
    return own.kernels("team")
