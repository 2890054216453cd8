"""What may watch a fit and act on it: one callback a file."""

from mlpcore.callbacks.base import Callback, FitRun, StopFit
from mlpcore.callbacks.checkpoint import Checkpoint
from mlpcore.callbacks.csv_log import CSVLog
from mlpcore.callbacks.early_stopping import EarlyStopping
from mlpcore.callbacks.learning_rate_log import LearningRateLog
from mlpcore.callbacks.model_checkpoint import ModelCheckpoint
from mlpcore.callbacks.reduce_on_plateau import ReduceOnPlateau
from mlpcore.callbacks.stop_on_nan import StopOnNaN
from mlpcore.callbacks.tensor_board import TensorBoard

__all__ = [
    "CSVLog",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "FitRun",
    "LearningRateLog",
    "ModelCheckpoint",
    "ReduceOnPlateau",
    "StopFit",
    "StopOnNaN",
    "TensorBoard",
]
