"""The throughput benchmark: this library and its peers, taking turns on the same work.

`benchmark` is what the command ``mlpcore bench`` runs; `throughput` times a model that
is there already.
"""

from mlpcore.bench.comparison import benchmark
from mlpcore.bench.contender import Contender
from mlpcore.bench.contenders import CONTENDERS, find_contenders
from mlpcore.bench.existing_model import throughput
from mlpcore.bench.ratio import Ratio
from mlpcore.bench.report import Omission, Report, Row
from mlpcore.bench.spec import Spec

__all__ = [
    "CONTENDERS",
    "Contender",
    "Omission",
    "Ratio",
    "Report",
    "Row",
    "Spec",
    "benchmark",
    "find_contenders",
    "throughput",
]
