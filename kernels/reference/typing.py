"""Names for what the reference takes and returns.

The array API standard has no static type yet, so both are ``Any``; the names say what is meant.
"""

from typing import Any, TypeAlias

Array: TypeAlias = Any
"""An array of the namespace that the call was given."""

Namespace: TypeAlias = Any
"""A module that follows the array API standard: ``numpy``, ``cupy``, ``array_api_strict``."""
