"""Multilayer perceptrons, fast on a CPU and on an NVIDIA GPU, as a light dependency."""

from typing import TYPE_CHECKING

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
from mlpcore.kernels.reference.operations import (
    Activation,
    BatchNorm,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
    Standardize,
)
from mlpcore.lazy_imports import lazy_names
from mlpcore.model import MLP
from mlpcore.network import Dense, Network
from mlpcore.nn.activations import activation

if TYPE_CHECKING:
    from mlpcore import functional
    from mlpcore.frozen import FrozenPredictor
    from mlpcore.inspect.summary import summary
    from mlpcore.inspect.trace import trace
    from mlpcore.io import ModelFileError
    from mlpcore.nn.losses import loss
    from mlpcore.optim import optimizer
    from mlpcore.passes import Cache, Gradients
    from mlpcore.training import Group, History, Trainer, ema, load_checkpoint, swa

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
    "load_checkpoint",
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

__getattr__, __dir__ = lazy_names(
    globals(),
    {
        "FrozenPredictor": "mlpcore.frozen",
        "ModelFileError": "mlpcore.io",
        "loss": "mlpcore.nn.losses",
        "optimizer": "mlpcore.optim",
        **dict.fromkeys(("Cache", "Gradients"), "mlpcore.passes"),
        **dict.fromkeys(("summary", "trace"), "mlpcore.inspect"),
        **dict.fromkeys(
            ("Group", "History", "Trainer", "ema", "load_checkpoint", "swa"), "mlpcore.training"
        ),
        **{
            name: f"mlpcore.{name}"
            for name in (
                "callbacks",
                "datasets",
                "frozen",
                "functional",
                "inspect",
                "io",
                "optim",
                "passes",
                "training",
            )
        },
    },
)
