"""Files: what a model is saved to, and the tables that it is trained on.  One file a format."""

from mlpcore.io.errors import ModelFileError
from mlpcore.lazy_imports import lazy_names

__all__ = ["ModelFileError"]

__getattr__, __dir__ = lazy_names(globals(), {"safetensors": "mlpcore.io.safetensors"})
