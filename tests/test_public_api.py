"""The public names and their signatures, held by a snapshot: a change of it is a decision.

After a decision: ``PYTHONPATH=. python tests/test_public_api.py > tests/public_api.txt``.
"""

import inspect
import re
from enum import Enum
from pathlib import Path

from support.public_modules import MODULES

SNAPSHOT = Path(__file__).with_name("public_api.txt")


def signature(thing):
    """Return the parameters with kinds and defaults; annotations may get better without notice."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    text = str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def own_members(cls):
    """Return what the library itself defines in `cls`; the rest changes with Python."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("mlpcore")]
    fields = {name for base in ours for name in inspect.get_annotations(base)}
    defined = {name for base in ours for name in vars(base)}
    return sorted(name for name in fields | defined if not name.startswith("_"))


def public(module):
    for name in sorted(module.__all__):
        thing = getattr(module, name)
        full = f"{module.__name__}.{name}"
        if inspect.isclass(thing):
            yield full if issubclass(thing, Enum) else f"{full}{signature(thing)}"
            for member in own_members(thing):
                value = getattr(thing, member, None)
                yield f"{full}.{member}{signature(value) if callable(value) else ''}"
        else:
            yield f"{full}{signature(thing) if inspect.isroutine(thing) else ''}"


def snapshot():
    return "\n".join(line for module in MODULES for line in public(module)) + "\n"


def test_the_public_api_is_the_one_that_was_decided():
    assert snapshot() == SNAPSHOT.read_text()


def test_every_public_name_has_a_docstring():
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isroutine(thing):
                assert (thing.__doc__ or "").strip(), f"{module.__name__}.{name}"


if __name__ == "__main__":
    print(snapshot(), end="")
