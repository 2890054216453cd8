"""Files: what a model is saved to, and the tables that it is trained on.  One file a format."""

from mlpcore.io.errors import ModelFileError

__all__ = ["ModelFileError"]
