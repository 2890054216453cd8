"""A network as the kernels read it: tables of words, and weights packed in their order."""

import threading
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from mlpcore.backends.cpu.activation_kernels import ActivationKernels, activation_kernels
from mlpcore.backends.cpu.library import Library
from mlpcore.backends.cpu.the_team import team
from mlpcore.backends.forks import renew_in_child
from mlpcore.backends.fused_stages import FusedStage, FusedStages
from mlpcore.backends.layout import ALIGNMENT
from mlpcore.backends.parameters import ParameterBuffer
from mlpcore.kernels.cpu.product.words import LayerWords, NetworkWords
from mlpcore.kernels.reference.operation import Scope
from mlpcore.kernels.reference.operations import Activation
from mlpcore.signals import deferred_signals


def aligned(length: int, dtype: Any) -> Any:
    """Return zeros that begin at a cache line, with a cache line to spare at the end."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.zeros(length * itemsize + 2 * ALIGNMENT, dtype=np.uint8)
    skip = -raw.ctypes.data % ALIGNMENT
    return raw[skip : skip + length * itemsize].view(dtype)


class Heights(NamedTuple):
    """How the outputs of a layer are divided into panels that differ by one in height at most."""

    height: int
    larger: int
    panels: int

    @classmethod
    def of(cls, outputs: int, most: int) -> "Heights":
        """Return the division into panels of at most `most` outputs."""
        panels = -(-outputs // most)
        height, larger = divmod(outputs, panels)
        return cls(height, larger, panels)


class NetworkTable:
    """The tables and packed weights of some fused stages with the parameters of one model.

    Parameters
    ----------
    fused : FusedStages
        What is computed.
    parameters, state : ParameterBuffer
        With which numbers.
    library : Library
        The kernels.

    Attributes
    ----------
    address : int
        Where the table begins.
    recording : int
        Where another begins that leaves every pre-activation as it is.
    lanes, wide : int
        How many rows a vector and a whole panel hold.
    widest : int
        The largest number of features of the input or a layer, rounded up to whole vectors.
    by_row : bool
        Whether a layer has an activation of whole rows.
    """

    def __init__(
        self,
        fused: FusedStages,
        parameters: ParameterBuffer,
        state: ParameterBuffer,
        library: Library,
    ) -> None:
        self.fused = fused
        self.parameters = parameters
        self.library = library
        self.dtype = parameters.flat.dtype
        self.isa = library.isa
        self.lanes = self.isa.vector_bytes // self.dtype.itemsize
        self.wide = self.lanes * self.isa.tile_vectors
        stages = fused.stages
        widths = [stages[0].in_features, *(stage.out_features for stage in stages)]
        self.widest = self._rounded(max(widths))
        if self.widest * self.dtype.itemsize % 1024 == 0:
            self.widest += self.lanes  # rows at such a distance would share few sets of the cache
        # Only whole panels can be taken through such an activation.
        self.by_row = any(
            stage.activation is not None and stage.activation.function.scope is Scope.ROW
            for stage in stages
        )
        self._kept: list[Any] = []
        self._table = self._words(NetworkWords.COUNT + len(stages) * LayerWords.COUNT)
        self.address = self._table.ctypes.data
        self._fill_network(state)
        for index in range(len(stages)):
            self._fill_layer(index)
        self._recording_table = self._recording()
        self.recording = self._keep(self._recording_table)
        self.few = self._packing(LayerWords.FEW_WEIGHTS, few=True)
        self.many = self._packing(LayerWords.WEIGHTS, few=False)

    @property
    def flops_per_row(self) -> int:
        """How many operations the products take for each row."""
        products: int = sum(s.in_features * s.out_features for s in self.fused.stages)
        return 2 * products

    def _packing(self, word: int, *, few: bool) -> "Packing":
        weights = [
            PackedWeight(s.weight, s.out_features, s.in_features, int(self.layer(index)[word]))
            for index, s in enumerate(self.fused.stages)
        ]
        return Packing(self.parameters, weights, self.library, few=few)

    def _rounded(self, features: int) -> int:
        lanes: int = self.lanes
        return -(-features // lanes) * lanes

    def _words(self, count: int) -> Any:
        words = aligned(count, np.int64)
        self._kept.append(words)
        return words

    def _keep(self, array: Any) -> int:
        self._kept.append(array)
        address: int = array.ctypes.data
        return address

    def layer(self, index: int) -> Any:
        """Return the words of a layer."""
        start = NetworkWords.COUNT + index * LayerWords.COUNT
        return self._table[start : start + LayerWords.COUNT]

    def _fill_network(self, state: ParameterBuffer) -> None:
        words, stages = self._table, self.fused.stages
        words[NetworkWords.LAYERS] = len(stages)
        words[NetworkWords.FEATURES] = stages[0].in_features
        words[NetworkWords.OUTPUTS] = stages[-1].out_features
        words[NetworkWords.WIDEST] = self.widest
        words[NetworkWords.TEAM] = team().address
        words[NetworkWords.TEAM_RUN] = self.library.kernels("team")["team_run"]
        if self.fused.standardize is not None:
            mean, scale = (state.views[name] for name in self.fused.standardize)
            words[NetworkWords.MEAN], words[NetworkWords.SCALE] = (
                self._keep(mean),
                self._keep(scale),
            )

    def prepare_passes(self) -> None:
        """Load what a pass that is differentiated needs besides its own kernels."""
        kernels = self.library.kernels("panels")
        for words in (self._table, self._recording_table):
            words[NetworkWords.INTO_PANEL] = kernels["into_panel"]
            words[NetworkWords.FROM_PANEL] = kernels["from_panel"]

    def set_output(self, output: Activation) -> None:
        """Let prediction apply `output` to the result."""
        if output.name == "identity":
            return
        kernels = activation_kernels(output, self.library)
        word = NetworkWords.ROW_OUTPUT if kernels.by_row else NetworkWords.OUTPUT
        self._table[NetworkWords.SETTINGS] = self._settings(kernels)
        self._table[word] = kernels.forward

    def _fill_layer(self, index: int) -> None:
        stage, words = self.fused.stages[index], self.layer(index)
        words[LayerWords.FEATURES] = stage.in_features
        words[LayerWords.OUTPUTS] = stage.out_features
        if stage.bias is None:
            bias = aligned(self._rounded(stage.out_features), self.dtype)
        else:
            bias = self.parameters.views[stage.bias]  # its slot ends with zeros
        words[LayerWords.BIAS] = self._keep(bias)
        words[LayerWords.NATURAL] = self.parameters.views[stage.weight].ctypes.data
        room = self._rounded(stage.out_features) * stage.in_features
        for word in (LayerWords.WEIGHTS, LayerWords.FEW_WEIGHTS):
            words[word] = self._keep(aligned(room, self.dtype))  # no memory until it is written
        rectifies = _by_tile(stage, ("relu",))
        floor = words[LayerWords.FLOOR : LayerWords.FLOOR + 1].view(self.dtype)
        floor[0] = 0.0 if rectifies else -np.inf
        if stage.activation is not None:
            kernels = activation_kernels(stage.activation, self.library)
            words[LayerWords.SETTINGS] = self._settings(kernels)
            if stage.norm is None and not _by_tile(stage):
                word = LayerWords.ROW_ACTIVATION if kernels.by_row else LayerWords.ACTIVATION
                words[word] = kernels.forward
        heights = Heights.of(stage.out_features, self.isa.tile_rows)
        words[LayerWords.HEIGHT] = heights.height
        words[LayerWords.LARGER] = heights.larger
        words[LayerWords.PANELS] = heights.panels

    def _recording(self) -> Any:
        """Return the words of the same network with a kernel for every activation."""
        words = aligned(len(self._table), np.int64)
        words[:] = self._table
        for index, stage in enumerate(self.fused.stages):
            if stage.activation is not None and _by_tile(stage):
                start = NetworkWords.COUNT + index * LayerWords.COUNT
                layer = words[start : start + LayerWords.COUNT]
                layer[LayerWords.FLOOR : LayerWords.FLOOR + 1].view(self.dtype)[0] = -np.inf
                kernels = activation_kernels(stage.activation, self.library)
                layer[LayerWords.ACTIVATION] = kernels.forward
        return words

    def _settings(self, kernel: ActivationKernels) -> int:
        settings = aligned(max(1, len(kernel.settings)), self.dtype)
        settings[: len(kernel.settings)] = kernel.settings
        return self._keep(settings)


def _by_tile(stage: FusedStage, names: Collection[str] = ("relu", "identity")) -> bool:
    """Return whether the tile applies the activation of a stage, one of `names`, to z itself."""
    if stage.activation is None or stage.norm is not None:  # which comes first
        return False
    return stage.activation.name in names


class PackedWeight(NamedTuple):
    """Where one weight is packed."""

    name: str
    outputs: int
    features: int
    address: int


class Packing:
    """The weights of a table in one of the two orders, packed again when they have changed.

    Parameters
    ----------
    parameters : ParameterBuffer
        Where the weights come from.
    weights : sequence of PackedWeight
        Where they go.
    library : Library
        The kernels.
    few : bool
        Whether they are packed for few rows, and not for many.

    Attributes
    ----------
    stamp : int or None
        What `ParameterBuffer.stamp` was when they were packed.
    """

    def __init__(
        self,
        parameters: ParameterBuffer,
        weights: Sequence[PackedWeight],
        library: Library,
        *,
        few: bool,
    ) -> None:
        self.stamp: int | None = None
        self._parameters, self._weights = parameters, tuple(weights)
        self._library, self._few = library, few
        self._after_fork()
        renew_in_child(self)

    def _after_fork(self) -> None:
        """Make the lock that lets one thread pack; a fork may have come in the middle."""
        self._lock = threading.RLock()
        self.stamp = None

    @property
    def stale(self) -> bool:
        """Whether the weights have changed, or may have, since they were packed."""
        stamp = self._parameters.stamp
        return stamp is None or stamp != self.stamp

    def refresh(self) -> None:
        """Pack the weights unless they are as they were when they were packed."""
        if not self.stale:
            return
        with deferred_signals(), self._lock:
            stamp = self._parameters.stamp
            if stamp is not None and stamp == self.stamp:
                return
            self.stamp = None
            self._pack()
            self.stamp = stamp

    def _pack(self) -> None:
        self._parameters.refresh()
        views, most = self._parameters.views, self._library.isa.tile_rows
        if self._few:
            widths = self._library.kernels("few").function("pack_widths")
            for weight in self._weights:
                W = views[weight.name].ctypes.data
                widths(W, weight.outputs, weight.features, weight.address)
            return
        heights = self._library.kernels("many").function("pack_heights")
        for weight in self._weights:
            W, shape = views[weight.name].ctypes.data, Heights.of(weight.outputs, most)
            numbers = shape.height, shape.larger, shape.panels, weight.features
            heights(W, *numbers, weight.address)
