"""Training: the trainer that takes one step, and the fit that takes many."""

from mlpcore.training.history import History
from mlpcore.training.metrics import METRICS
from mlpcore.training.trainer import Trainer

__all__ = ["METRICS", "History", "Trainer"]
