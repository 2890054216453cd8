"""Training: the trainer that takes one step, and the fit that takes many."""

from mlpcore.training.averaging import Average, ema, swa
from mlpcore.training.groups import Group
from mlpcore.training.history import History
from mlpcore.training.metrics import METRICS, Metric, metric
from mlpcore.training.nonfinite import NonFinite
from mlpcore.training.step_options import StepOptions
from mlpcore.training.trainer import Trainer

__all__ = [
    "METRICS",
    "Average",
    "Group",
    "History",
    "Metric",
    "NonFinite",
    "StepOptions",
    "Trainer",
    "ema",
    "metric",
    "swa",
]
