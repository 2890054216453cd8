"""Training: the trainer that takes one step, and the fit that takes many."""

from typing import TYPE_CHECKING

from mlpcore.lazy_imports import lazy_names

if TYPE_CHECKING:
    from mlpcore.training.averaging import Average, ema, swa
    from mlpcore.training.checkpoint import Snapshot, load_checkpoint
    from mlpcore.training.groups import Group
    from mlpcore.training.history import History
    from mlpcore.training.metrics.metric import Metric
    from mlpcore.training.metrics.table import METRICS, metric
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
    "Snapshot",
    "StepOptions",
    "Trainer",
    "ema",
    "load_checkpoint",
    "metric",
    "swa",
]

__getattr__, __dir__ = lazy_names(
    globals(),
    {
        "METRICS": "mlpcore.training.metrics",
        "Average": "mlpcore.training.averaging",
        "Group": "mlpcore.training.groups",
        "History": "mlpcore.training.history",
        "Metric": "mlpcore.training.metrics",
        "NonFinite": "mlpcore.training.nonfinite",
        "Snapshot": "mlpcore.training.checkpoint",
        "StepOptions": "mlpcore.training.step_options",
        "Trainer": "mlpcore.training.trainer",
        "ema": "mlpcore.training.averaging",
        "load_checkpoint": "mlpcore.training.checkpoint",
        "metric": "mlpcore.training.metrics",
        "swa": "mlpcore.training.averaging",
    },
)
