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
from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
    Standardize,
)
from mlpcore.model import MLP
from mlpcore.network import Dense, Network
from mlpcore.nn.activations import activation
from mlpcore.nn.losses import loss
from mlpcore.optim import optimizer
from mlpcore.passes import Cache, Gradients
from mlpcore.training import Group, History, Trainer, ema, swa

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "Activation",
    "BatchNorm",
    "Cache",
    "Dense",
    "Device",
    "DeviceUnavailableError",
    "Dropout",
    "FrozenPredictor",
    "GaussianNoise",
    "Gradients",
    "Group",
    "History",
    "LayerNorm",
    "ModelFileError",
    "Network",
    "Residual",
    "Standardize",
    "Trainer",
    "activation",
    "devices",
    "ema",
    "functional",
    "loss",
    "optimizer",
    "prefer_gpu",
    "require_gpu",
    "set_device",
    "summary",
    "swa",
    "threads",
    "trace",
    "use_device",
]
