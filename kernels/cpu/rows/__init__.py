"""Functions of whole rows on panels: each row in a lane, so that no sum crosses lanes."""

from .log_softmax import write_log_softmax
from .softmax import write_softmax

__all__ = ["write_log_softmax", "write_softmax"]
