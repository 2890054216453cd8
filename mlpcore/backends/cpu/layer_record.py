"""What a pass that is differentiated keeps of one layer, as the kernels are told."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlpcore.backends.cpu.activation_kernels import activation_kernels
from mlpcore.backends.cpu.array_cell import data_address
from mlpcore.backends.cpu.network_table import NetworkTable, aligned
from mlpcore.kernels.cpu.product.words import LayerWords, RecordWords
from mlpcore.lazy_imports import lazy_module

if TYPE_CHECKING:
    from mlpcore.backends.cpu import pass_layers
else:  # what few networks need
    pass_layers = lazy_module("mlpcore.backends.cpu.pass_layers")

_PANELS = (
    *((RecordWords.Z, "z"), (RecordWords.N, "n"), (RecordWords.A, "a"), (RecordWords.Y, "y")),
    *((RecordWords.DZ, "dz"), (RecordWords.DN, "dn"), (RecordWords.DA, "da")),
    *((RecordWords.DY, "dy"), (RecordWords.STRIPS, "strips")),
)
"""The panels of a layer, by the words that say where they are."""

_ACTIVATED = {"z": "n", "a": "y", "dz": "dn", "da": "dy"}
"""Which of them `StageRecord` calls what, where the stage has an activation."""

_OTHERS = {"z": "y", "a": "y", "dz": "dy", "da": "dy"}
"""The same where it has none, and z is its result."""


class LayerRecord:
    """The panels of one layer, and what comes between its product and the next.

    Parameters
    ----------
    table : NetworkTable
        The network.
    index : int
        Which layer it is.
    words : ndarray of int64
        Its part of the pass, as `RecordWords` has it.
    rows, width : int
        How many rows the batch and a panel have.
    keep_z : bool
        Whether every pre-activation is kept, for those who want to see it.

    Attributes
    ----------
    stage : FusedStage
        What is computed.
    words : ndarray of int64
        As they were given.
    """

    def __init__(
        self, table: NetworkTable, index: int, words: Any, *, rows: int, width: int, keep_z: bool
    ) -> None:
        self.stage = stage = table.fused.stages[index]
        self.words = words
        self._dtype, self._rows, self._width = table.dtype, rows, width
        self._padded = -(-rows // width) * width
        kernels = None
        if stage.activation is not None and (keep_z or stage.activation.name != "identity"):
            kernels = activation_kernels(stage.activation, table.library)
        apart = kernels is not None and (keep_z or kernels.keeps_z)
        self._arrays = self._panels_by_name(activated_apart=apart, keep_y=keep_z)
        self._place()
        if index + 1 < len(table.fused.stages):
            stride = -(-stage.out_features // table.lanes) * table.lanes
            if stride * table.dtype.itemsize % 1024 == 0:
                stride += table.lanes
            self._arrays["rows"] = aligned(rows * stride, table.dtype)
            words[RecordWords.ROWS] = self._arrays["rows"].ctypes.data
            words[RecordWords.STRIDE] = stride
        if kernels is not None:
            word = RecordWords.ROW_BACKWARD if kernels.by_row else RecordWords.BACKWARD
            words[word] = kernels.backward
            words[RecordWords.SETTINGS] = table.layer(index)[LayerWords.SETTINGS]
            if stage.norm is not None:
                word = RecordWords.ROW_ACTIVATION if kernels.by_row else RecordWords.ACTIVATION
                words[word] = kernels.forward
        words[RecordWords.WEIGHT] = table.parameters.views[stage.weight].ctypes.data
        self._norm = self._dropout = None
        if stage.norm is not None:
            sizes = stage.out_features, rows, self._padded
            self._norm = pass_layers.PassNorm(stage.norm, *sizes, table.library, table.parameters)
            words[RecordWords.NORM] = data_address(self._norm.words)
        if stage.dropout is not None:
            elements = self._padded * stage.out_features
            self._dropout = pass_layers.PassDropout(stage.dropout, elements, table.library)
            words[RecordWords.DROPOUT] = data_address(self._dropout.words)

    @property
    def num_bytes(self) -> int:
        """How much memory it takes."""
        panels: int = sum({id(a): a.nbytes for a in self._arrays.values()}.values())
        return panels + (0 if self._dropout is None else self._dropout.num_bytes)

    def _panels(self) -> Any:
        features = self.stage.out_features
        flat = aligned(self._padded * features, self._dtype)
        return flat.reshape(self._padded // self._width, features, self._width)

    def _panels_by_name(self, *, activated_apart: bool, keep_y: bool) -> dict[str, Any]:
        """Return all panels; those that need not be kept are the same as others."""
        stage, new = self.stage, self._panels
        arrays = {"a": new(), "dz": new()}
        arrays["n"] = new() if activated_apart else arrays["a"]
        arrays["z"] = arrays["n"] if stage.norm is None else new()
        arrays["y"] = arrays["a"]
        if stage.dropout is not None:
            # Unless somebody looks at y, it is needed no longer when its gradient comes.
            arrays["y"] = new() if keep_y else arrays["dz"]
        # A norm of rows gives dz at once, but what is summed of dn comes when all rows are done.
        apart = stage.norm is not None and not stage.waits
        arrays["dn"] = arrays["da"] = arrays["dy"] = new() if apart else arrays["dz"]
        arrays["strips"] = arrays["dz"]
        return arrays

    def _place(self) -> None:
        """Tell the kernels where the panels are."""
        for word, name in _PANELS:
            self.words[word] = self._arrays[name].ctypes.data

    def keep_gradients(self) -> None:
        """Keep the gradients of the product, of the result and of what is activated from now on."""
        stage, arrays = self.stage, self._arrays
        if arrays["strips"] is arrays["dz"]:
            arrays["strips"] = self._panels()
        if stage.norm is not None and arrays["dn"] is arrays["dz"]:
            arrays["dn"] = arrays["da"] = arrays["dy"] = self._panels()
        if stage.activation is not None or stage.dropout is not None:
            arrays["dy"] = self._panels()
            if stage.dropout is None:
                arrays["da"] = arrays["dy"]
        self._place()

    def seen(self, name: str) -> Any:
        """Return the panels of what `StageRecord` calls z or a, or of its gradient dz or da."""
        names = _OTHERS if self.stage.activation is None else _ACTIVATED
        return self._arrays[names[name]]

    def by_rows(self, name: str) -> Any:
        """Return a copy of the same as an array of shape (rows, features)."""
        panels = self.seen(name)
        features = panels.shape[1]
        return panels.transpose(0, 2, 1).reshape(self._padded, features)[: self._rows]

    def apply_to(
        self, places: Mapping[str, Any], first: Mapping[str, Any], second: Mapping[str, Any]
    ) -> None:
        """Say where the gradients of the parameters are applied, with two states each."""
        stage, all_places = self.stage, (places, first, second)
        for word, arrays in enumerate(all_places, RecordWords.P):
            self.words[word] = data_address(arrays[stage.weight])
        if stage.bias is not None:
            for word, arrays in enumerate(all_places, RecordWords.BIAS_P):
                self.words[word] = data_address(arrays[stage.bias])
        if self._norm is not None:
            self._norm.apply_to(all_places)

    def follow(self, state: Mapping[str, Any]) -> None:
        """Let these running statistics follow the batch's, each time that it goes forward."""
        if self._norm is not None:
            self._norm.follow(state)
