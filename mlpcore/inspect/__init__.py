"""Looking inside a model: never needed to run one.

`trace` shows a forward pass step by step, `summary` a network in figures.  Intermediate activations
and callbacks are methods of the model, ``features`` and ``on_layer``.
"""

from mlpcore.inspect.flops import inference_flops, training_flops
from mlpcore.inspect.hooks import LayerHook, LayerValues
from mlpcore.inspect.memory import Memory
from mlpcore.inspect.statistics import Statistics
from mlpcore.inspect.summary import LayerSummary, Summary, summary
from mlpcore.inspect.trace import LayerTrace, Trace, TraceStep, trace

__all__ = [
    "LayerHook",
    "LayerSummary",
    "LayerTrace",
    "LayerValues",
    "Memory",
    "Statistics",
    "Summary",
    "Trace",
    "TraceStep",
    "inference_flops",
    "summary",
    "trace",
    "training_flops",
]
