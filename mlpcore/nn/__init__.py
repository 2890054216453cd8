"""Activations, losses and initialisers: one table each, the mathematics as a user names it."""

from mlpcore.lazy_imports import lazy_names

__getattr__, __dir__ = lazy_names(
    globals(),
    {name: f"mlpcore.nn.{name}" for name in ("activations", "initializers", "losses")},
)
