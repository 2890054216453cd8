"""Imports that wait until they are needed, and are then not interrupted in the middle.

Python holds a lock of its own for each module that is being imported.  It never lets go of one
whose import an exception has left at a bad moment, nor, in a forked child, of one whose import
another thread of the parent had begun: whoever imports the module there waits for ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mlpcore.backends.signals import deferred_signals
from mlpcore.kernels.cpu.fork_lock import ForkLock

_lock = ForkLock()


@contextmanager
def importing() -> Iterator[None]:
    """Let signals and forks wait for the end of the block, which imports and does nothing else."""
    with deferred_signals(), _lock.held():
        yield
