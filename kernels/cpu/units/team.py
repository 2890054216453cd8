"""The worker team."""

from ..team import write_team as write

__all__ = ["write"]
