"""What a pass keeps of the layers between its products: normalisations and dropout."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.layers.batch_norm import told
from mlpcore.backends.cpu.library import Library
from mlpcore.backends.cpu.network_table import aligned
from mlpcore.backends.fused_stages import FusedStages
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.kernels.cpu.product.words import DropoutWords, NormWords
from mlpcore.kernels.reference.operations import BatchNorm, Dropout, LayerNorm
from mlpcore.kernels.reference.philox import threshold
from mlpcore.program import Step

_OF_FEATURES = (
    *(NormWords.DSCALE, NormWords.DSHIFT),
    *(NormWords.FACTOR, NormWords.SLOPE, NormWords.CONSTANT),
)
"""What a normalisation keeps a number of for each feature."""


def units_of(fused: FusedStages) -> tuple[str, ...]:
    """Return the units of kernels that the layers of stages need."""
    steps = (step for stage in fused.stages for step in (stage.norm, stage.dropout))
    return tuple({_unit(step): None for step in steps if step is not None})


def _unit(step: Step) -> str:
    return f"panel_layer.{step.operation.kind}"


class PassDropout:
    """Dropout of a layer's panels.

    Parameters
    ----------
    step : Step
        The operation at its place in the program.
    elements : int
        How many elements the panels have.
    library : Library
        The kernels.

    Attributes
    ----------
    words : ndarray of int64
        What `DropoutWords` names.
    num_bytes : int
        How much memory the mask takes.
    """

    def __init__(self, step: Step, elements: int, library: Library) -> None:
        operation = step.operation
        assert isinstance(operation, Dropout)
        kernels = library.kernels(_unit(step))
        self._kept = aligned(elements, np.uint8)
        self.num_bytes = elements
        self.words = words = aligned(DropoutWords.COUNT, np.int64)
        words[DropoutWords.FORWARD] = kernels["dropout_forward"]
        words[DropoutWords.BACKWARD] = kernels["dropout_backward"]
        words[DropoutWords.KEPT] = data_address(self._kept)
        words[DropoutWords.LAYER] = step.position
        words[DropoutWords.THRESHOLD] = threshold(operation.rate)
        scale = words[DropoutWords.SCALE : DropoutWords.SCALE + 1].view(library.dtype)
        scale[0] = 1.0 / (1.0 - operation.rate)


class PassNorm:
    """The normalisation of a layer's panels.

    Parameters
    ----------
    step : Step
        The operation at its place in the program.
    features : int
        The width of the layer.
    rows, padded : int
        How many rows the batch has, and how many its panels.
    library : Library
        The kernels.
    parameters : ParameterBuffer
        Where scale and shift are.

    Attributes
    ----------
    words : ndarray of int64
        What `NormWords` names.
    """

    def __init__(
        self,
        step: Step,
        features: int,
        rows: int,
        padded: int,
        library: Library,
        parameters: ParameterBuffer,
    ) -> None:
        operation = step.operation
        assert isinstance(operation, BatchNorm | LayerNorm)
        self._names, self._state = dict(step.parameters), dict(step.state)
        self.words = aligned(NormWords.COUNT, np.int64)
        self._kept: list[Any] = []
        kernels = library.kernels(_unit(step))
        self.words[NormWords.FORWARD] = kernels["norm_forward"]
        self.words[NormWords.BACKWARD] = kernels["norm_backward"]
        self.words[NormWords.GRADIENTS] = kernels["norm_gradients"]
        settings: tuple[float, ...]
        if isinstance(operation, BatchNorm):
            self.words[NormWords.STATISTICS] = kernels["norm_statistics"]
            settings, statistics = told(operation, rows), features
        else:
            settings, statistics = (features, operation.eps), padded
        dtype = library.dtype
        self._put(NormWords.SETTINGS, np.array(settings, dtype))
        for word in (NormWords.MEAN, NormWords.INVERSE):
            self._put(word, aligned(statistics, dtype))
        for word in _OF_FEATURES:
            self._put(word, aligned(features, dtype))
        self._put(NormWords.SCALE, parameters.views[self._names["norm_scale"]])
        self._put(NormWords.SHIFT, parameters.views[self._names["norm_shift"]])

    def _put(self, word: int, array: Any) -> None:
        self._kept.append(array)
        self.words[word] = data_address(array)

    def apply_to(self, places: Sequence[Mapping[str, Any]]) -> None:
        """Let the gradients of scale and shift be applied at these places and their two states."""
        for name, first in (
            ("norm_scale", NormWords.SCALE_P),
            ("norm_shift", NormWords.SHIFT_P),
        ):
            for word, arrays in enumerate(places, first):
                self.words[word] = data_address(arrays[self._names[name]])

    def follow(self, state: Mapping[str, Any]) -> None:
        """Let these running statistics follow those of the batches."""
        for own, word in (
            ("running_mean", NormWords.RUNNING_MEAN),
            ("running_variance", NormWords.RUNNING_VARIANCE),
        ):
            if own in self._state:
                self.words[word] = data_address(state[self._state[own]])
