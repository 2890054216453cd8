"""A layer and what a pass that is differentiated keeps of it, as a kernel reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .words import LayerWords, NetworkWords, PassWords, RecordWords

if TYPE_CHECKING:
    from ..codegen.values import Address, Int


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

    def panel_of_outputs(self, number: Int) -> tuple[Int, Int]:
        """Return the first output of a panel of the layer's outputs, and how many it has."""
        height, larger = self.words.int(LayerWords.HEIGHT), self.words.int(LayerWords.LARGER)
        return number * height + number.min(larger), height + (number < larger).as_int()
