"""A layer and what a pass that is differentiated keeps of it, as a kernel reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .words import LayerWords, NetworkWords, PassWords, RecordWords

if TYPE_CHECKING:
    from ..codegen.values import Address, Int, Truth


class RecordedLayer:
    """A layer and its record, by number.

    Parameters
    ----------
    job : Address
        The pass, as `PassWords` has it.
    index : Int
        The number of the layer.

    Attributes
    ----------
    words, record : Address
        What `LayerWords` and `RecordWords` name.
    features, outputs : Int
        The widths of the layer.
    """

    def __init__(self, job: Address, index: Int) -> None:
        network = job.address(PassWords.NETWORK)
        self.words = network.ints(index * LayerWords.COUNT + NetworkWords.COUNT)
        self.record = job.address(PassWords.RECORDS).ints(index * RecordWords.COUNT)
        self.features = self.words.int(LayerWords.FEATURES)
        self.outputs = self.words.int(LayerWords.OUTPUTS)

    def panel(self, word: int, row: Int) -> Address:
        """Return where the panel that begins with `row` lies in one of the record's arrays."""
        return self.record.address(word).reals(row * self.outputs)

    def has_norm(self) -> Truth:
        """Return whether it normalises what its product gives."""
        return _given(self.record, RecordWords.NORM)

    def has_between(self) -> Truth:
        """Return whether anything but an activation of elements is between it and the next."""
        by_row = _given(self.words, LayerWords.ROW_ACTIVATION)
        return by_row | self.has_norm() | _given(self.record, RecordWords.DROPOUT)

    def has_rows_back(self) -> Truth:
        """Return whether the gradient of its result goes back through an activation of rows."""
        return _given(self.record, RecordWords.ROW_BACKWARD)

    def panel_of_outputs(self, number: Int) -> tuple[Int, Int]:
        """Return the first output of a panel of the layer's outputs, and how many it has."""
        height, larger = self.words.int(LayerWords.HEIGHT), self.words.int(LayerWords.LARGER)
        return number * height + number.min(larger), height + (number < larger).as_int()


def _given(table: Address, word: int) -> Truth:
    there: Truth = table.address(word).as_int() > 0
    return there
