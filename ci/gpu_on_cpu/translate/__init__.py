"""From parsed PTX to C++ source that the runtime's headers give meaning to."""

from .source import Translation, translate

__all__ = ["Translation", "translate"]
