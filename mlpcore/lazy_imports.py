"""Imports that wait until they are needed, and are then not interrupted in the middle.

Python holds a lock of its own for each module that is being imported.  It never lets go of one
whose import an exception has left at a bad moment, nor, in a forked child, of one whose import
another thread of the parent had begun: whoever imports the module there waits for ever.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from mlpcore.kernels.cpu.fork_lock import ForkLock
from mlpcore.signals import deferred_signals

_lock = ForkLock()


@contextmanager
def importing() -> Iterator[None]:
    """Let signals and forks wait for the end of the block, which imports and does nothing else."""
    with deferred_signals(), _lock.held():
        yield


class lazy_module:  # noqa: N801 - it is called like a function, and stands for a module
    """A module that is imported when something of it is asked for, and from then on costs nothing.

    For functions that are called often: each name becomes an attribute when it is first read, so
    there is neither a statement to run nor a lock to take after that.  And for annotations, which
    are strings until ``typing.get_type_hints`` evaluates them: ``losses.LossSpec`` then imports
    what it needs.

    Parameters
    ----------
    name : str
        The module's full name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        with importing():
            module = import_module(self._name)
        value = getattr(module, name)
        setattr(self, name, value)
        return value


def lazy_names(
    namespace: dict[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package that imports names when they are asked for.

    `import mlpcore` is to take little longer than importing NumPy, and what a first prediction
    does not need is more than half of it.  See PEP 562.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the package, which keeps what was asked for.
    homes : mapping of str to str
        The module of each name; a module of the package itself is its own home.
    """
    package = namespace["__name__"]

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with importing():
            module = import_module(homes[name])
        value = module if homes[name] == f"{package}.{name}" else getattr(module, name)
        namespace[name] = value
        return value

    def names() -> list[str]:
        return sorted({*namespace, *homes})

    return get, names
