"""How good predictions are.

Like the losses, metrics look at logits: the largest logit has the largest probability, and a logit
above 0 has a sigmoid above 1/2.  A metric is told once from all rows of an epoch or of an
evaluation; what has to be remembered of each batch for it is its statistic.
"""

from mlpcore.training.metrics.fitting import check_metrics
from mlpcore.training.metrics.measures import Measures
from mlpcore.training.metrics.metric import Metric, Place
from mlpcore.training.metrics.table import METRICS, MetricSpec, metric, resolve_metrics

__all__ = [
    "METRICS",
    "Measures",
    "Metric",
    "MetricSpec",
    "Place",
    "check_metrics",
    "metric",
    "resolve_metrics",
]
