"""Multilayer perceptrons, fast on a CPU and on an NVIDIA GPU, as a light dependency."""

from mlpcore import functional
from mlpcore.backends.cpu.num_threads import threads
from mlpcore.device import (
    Device,
    DeviceUnavailableError,
    devices,
    prefer_gpu,
    require_gpu,
    set_device,
    use_device,
)
from mlpcore.frozen import FrozenPredictor
from mlpcore.inspect import summary, trace
from mlpcore.io import ModelFileError
from mlpcore.model import MLP
from mlpcore.network import Dense, Network
from mlpcore.nn.activations import activation
from mlpcore.nn.losses import loss
from mlpcore.optim import optimizer
from mlpcore.passes import Cache, Gradients
from mlpcore.training import History, Trainer

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "Cache",
    "Dense",
    "Device",
    "DeviceUnavailableError",
    "FrozenPredictor",
    "Gradients",
    "History",
    "ModelFileError",
    "Network",
    "Trainer",
    "activation",
    "devices",
    "functional",
    "loss",
    "optimizer",
    "prefer_gpu",
    "require_gpu",
    "set_device",
    "summary",
    "threads",
    "trace",
    "use_device",
]
