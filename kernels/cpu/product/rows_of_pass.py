"""A chunk of rows in a pass that is differentiated: forward and back, from one stop to the next.

The stops are the layers whose normalisation needs the whole batch; the beginning and the end of the
network are stops, too.  Between two stops a chunk needs no other row.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .recorded_layer import RecordedLayer
from .tile import BLOCK
from .words import DropoutWords, LayerWords, NetworkWords, NormWords, PassWords, RecordWords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..codegen.function import Function, Module
    from ..codegen.values import Address, Int


def write_forward_rows(module: Module) -> None:
    """Write `forward_rows(job, start, rows, scratch, begin, end)`: a chunk, with its record.

    It goes from layer `begin`, whose product is there, or from the input where that is -1, to the
    product of layer `end`, or to the result where that is the number of layers.
    """
    kinds = ("address", "int", "int", "address", "int", "int")
    with module.function("forward_rows", *kinds) as (f, job, start, rows, scratch, begin, end):
        network, width = job.address(PassWords.NETWORK), job.int(PassWords.WIDTH)
        features, layers = network.int(NetworkWords.FEATURES), network.int(NetworkWords.LAYERS)
        x, ldx = job.address(PassWords.X), job.int(PassWords.LDX)
        nothing = f.int(0).as_address()
        with f.when(begin < 0), f.loop(0, rows, width) as r:
            f.call_at(
                network.address(NetworkWords.INTO_PANEL),
                *(x.reals((start + r) * ldx), ldx, (rows - r).min(width), features),
                *(scratch.reals(r * features), width, nothing, nothing),
            )
        # Whole panels: what lies in the lanes beyond the batch is never read.
        padded = rows.ceil_div(width) * width
        source = f.variable(scratch)
        with f.loop(begin.max(0), (end + 1).min(layers)) as index:
            layer = RecordedLayer(job, index)
            with f.when(index > begin):
                z, a = layer.panel(RecordWords.Z, start), layer.panel(RecordWords.A, start)
                f.call_at(job.address(PassWords.LAYER), layer.words, source.value, z, a, padded)
            with f.when(index < end):
                with f.loop(0, rows, width) as r:
                    _normalize(f, layer, start + r, width)
                    _drop(f, job, layer, start + r, width)
                source.value = layer.panel(RecordWords.Y, start)
                to = layer.record.address(RecordWords.ROWS)
                stride = layer.record.int(RecordWords.STRIDE)
                with f.when(to.as_int() > 0):
                    to = to.reals(start * stride)
                    _into_rows(f, job, source.value, layer.outputs, rows, width, to, stride)
        y, ldy = job.address(PassWords.Y), job.int(PassWords.LDY)
        with f.when((end >= layers) & (y.as_int() > 0)):
            outputs = network.int(NetworkWords.OUTPUTS)
            _into_rows(f, job, source.value, outputs, rows, width, y.reals(start * ldy), ldy)


def _normalize(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Normalise a panel of z, if the layer does, and apply the activation that follows."""
    record, norm = layer.record, layer.record.address(RecordWords.NORM)
    z, n, a = (layer.panel(word, row) for word in (RecordWords.Z, RecordWords.N, RecordWords.A))
    with f.when(norm.as_int() > 0):
        f.call_at(norm.address(NormWords.FORWARD), norm, z, n, layer.outputs, width, row)
        by_element = record.address(RecordWords.ACTIVATION)
        with f.when(by_element.as_int() > 0):
            f.call_at(by_element, n, a, layer.outputs * width, record.address(RecordWords.SETTINGS))
        by_row = record.address(RecordWords.ROW_ACTIVATION)
        with f.when(by_row.as_int() > 0):
            f.call_at(by_row, n, a, layer.outputs, width)


def _drop(f: Function, job: Address, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Drop some of a panel of a, if the layer does."""
    dropout = layer.record.address(RecordWords.DROPOUT)
    with f.when(dropout.as_int() > 0):
        f.call_at(
            dropout.address(DropoutWords.FORWARD),
            *(layer.panel(RecordWords.A, row), layer.panel(RecordWords.Y, row)),
            dropout.address(DropoutWords.KEPT).bytes(row * layer.outputs),
            *(layer.outputs, width, job.int(PassWords.FIRST_ROW) + row),
            *(job.int(PassWords.SEED), job.int(PassWords.STEP), dropout.int(DropoutWords.LAYER)),
            *(dropout.int(DropoutWords.THRESHOLD), dropout.ints(DropoutWords.SCALE).real()),
        )


def _into_rows(
    f: Function,
    job: Address,
    panels: Address,
    features: Int,
    rows: Int,
    width: Int,
    to: Address,
    stride: Int,
) -> None:
    with f.loop(0, rows, width) as r:
        f.call_at(
            job.address(PassWords.NETWORK).address(NetworkWords.FROM_PANEL),
            *(panels.reals(r * features), width, (rows - r).min(width), features),
            *(to.reals(r * stride), stride),
        )


def write_backward_rows(module: Module) -> None:
    """Write `backward_rows(job, start, rows, scratch, begin, end)`: a chunk on its way back.

    It goes from the gradient of what layer `begin` has normalised, or from the result where that is
    the number of layers, to the same of layer `end`, or to the input where that is -1.
    """
    kinds = ("address", "int", "int", "address", "int", "int")
    with module.function("backward_rows", *kinds) as (f, job, start, rows, scratch, begin, end):
        network, width = job.address(PassWords.NETWORK), job.int(PassWords.WIDTH)
        layers = network.int(NetworkWords.LAYERS)
        with f.when(begin >= layers):
            _from_result(f, job, RecordedLayer(job, layers - 1), start, rows)
        top = begin.min(layers - 1)
        with f.loop(0, top - end) as back:
            layer = RecordedLayer(job, top - back)
            with f.loop(0, rows, width) as r:
                _through_norm(f, layer, start + r, width)
            with f.when(top - back > 0):
                before = RecordedLayer(job, top - back - 1)
                dy = before.panel(RecordWords.DY, start)
                with _through_product(f, job, layer, start, rows, dy, scratch) as (r, k, height):
                    _through_elements(f, before, start + r, k, height, width)
                with f.loop(0, rows, width) as r:
                    _through_rows(f, before, start + r, width)
                _into_strips(f, layer, start, rows, width)
        dx, lddx = job.address(PassWords.DX), job.int(PassWords.LDDX)
        with f.when((end < 0) & (dx.as_int() > 0)):
            first = RecordedLayer(job, f.int(0))
            panels = scratch.reals(job.int(PassWords.COPIED))
            with _through_product(f, job, first, start, rows, panels, scratch):
                pass
            with f.loop(0, rows, width) as r:
                f.call_at(
                    network.address(NetworkWords.FROM_PANEL),
                    *(panels.reals(r * first.features), width, (rows - r).min(width)),
                    *(first.features, dx.reals((start + r) * lddx), lddx),
                )
        with f.when(end < 0):
            _into_strips(f, RecordedLayer(job, f.int(0)), start, rows, width)


def _into_strips(f: Function, layer: RecordedLayer, start: Int, rows: Int, width: Int) -> None:
    """Write dz as the gradients of the parameters read it, when no product reads it any more."""
    to = layer.record.address(RecordWords.STRIPS).reals(start * layer.outputs)
    dz = layer.panel(RecordWords.DZ, start)
    panels = layer.words.int(LayerWords.PANELS)
    with f.loop(0, rows, width) as r, f.loop(0, panels) as number:
        o, height = layer.panel_of_outputs(number)
        at = r * layer.outputs + o * width
        f.call("strips", dz.reals(at), to.reals(at), width, height)


def _from_result(f: Function, job: Address, last: RecordedLayer, start: Int, rows: Int) -> None:
    """Write the gradient of the last layer's result, and take it back through what made that."""
    width = job.int(PassWords.WIDTH)
    with f.either(job.address(PassWords.LOSS).as_int() > 0) as (lost, given):
        with lost, f.loop(0, rows, width) as r:
            _loss(f, job, last, start + r, (rows - r).min(width), width)
        with given, f.loop(0, rows, width) as r:
            dy, lddy = job.address(PassWords.DY), job.int(PassWords.LDDY)
            nothing = f.int(0).as_address()
            f.call_at(
                job.address(PassWords.NETWORK).address(NetworkWords.INTO_PANEL),
                *(dy.reals((start + r) * lddy), lddy, (rows - r).min(width), last.outputs),
                *(last.panel(RecordWords.DY, start + r), width, nothing, nothing),
            )
    with f.loop(0, rows, width) as r:
        _through_elements(f, last, start + r, f.int(0), last.outputs, width)
        _through_rows(f, last, start + r, width)


@contextmanager
def _through_product(
    f: Function,
    job: Address,
    layer: RecordedLayer,
    start: Int,
    rows: Int,
    da: Address,
    scratch: Address,
) -> Iterator[tuple[Int, Int, Int]]:
    """Write the gradient of a layer's input to the panels `da`.

    Run the block for each part that is whole, with its first row and feature and the number of its
    features.  All rows use some outputs of the weight before any uses the next: what they read of
    it stays in the second cache, where the rows of a wide weight share few sets.
    """
    width, step = job.int(PassWords.WIDTH), job.int(PassWords.GRADIENT_STEP)
    W, dz = layer.record.address(RecordWords.WEIGHT), layer.panel(RecordWords.DZ, start)
    with f.loop(0, layer.outputs, BLOCK) as o, f.loop(0, layer.features, step) as k:
        height = (layer.features - k).min(step)
        f.call_at(
            job.address(PassWords.GRADIENT),
            *(W.reals(o * layer.features), (layer.outputs - o).min(BLOCK), layer.features),
            *(dz.reals(o * width), layer.outputs * width, da, width, rows.ceil_div(width)),
            *(k, height, o.equals(0).as_int(), scratch),
        )
        with f.when(o + BLOCK >= layer.outputs), f.loop(0, rows, width) as r:
            yield r, k, height


def _loss(f: Function, job: Address, last: RecordedLayer, row: Int, there: Int, width: Int) -> None:
    f.call_at(
        job.address(PassWords.LOSS),
        *(last.panel(RecordWords.Y, row), last.panel(RecordWords.DY, row)),
        job.address(PassWords.TARGETS).bytes(row * job.int(PassWords.TARGET_BYTES)),
        job.int(PassWords.TARGET_STRIDE),
        job.address(PassWords.WEIGHTS).reals(row),
        job.address(PassWords.LOSSES).reals(row),
        *(last.outputs, width, there, job.address(PassWords.LOSS_SETTINGS)),
    )


_ACTIVATED = (RecordWords.N, RecordWords.A, RecordWords.DA, RecordWords.DN)
"""What an activation reads and writes on the way back."""


def _through_elements(
    f: Function, layer: RecordedLayer, row: Int, feature: Int, count: Int, width: Int
) -> None:
    """Take `count` features of dy back through dropout and an activation of elements."""
    at = feature * width
    dropout = layer.record.address(RecordWords.DROPOUT)
    with f.when(dropout.as_int() > 0):
        f.call_at(
            dropout.address(DropoutWords.BACKWARD),
            layer.panel(RecordWords.DY, row).reals(at),
            layer.panel(RecordWords.DA, row).reals(at),
            dropout.address(DropoutWords.KEPT).bytes(row * layer.outputs + at),
            *(count * width, dropout.ints(DropoutWords.SCALE).real()),
        )
    kernel = layer.record.address(RecordWords.BACKWARD)
    with f.when(kernel.as_int() > 0):
        places = [layer.panel(word, row).reals(at) for word in _ACTIVATED]
        f.call_at(kernel, *places, count * width, layer.record.address(RecordWords.SETTINGS))


def _through_rows(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Take a panel of da back through an activation of whole rows, if there is one."""
    kernel = layer.record.address(RecordWords.ROW_BACKWARD)
    with f.when(kernel.as_int() > 0):
        f.call_at(kernel, *(layer.panel(word, row) for word in _ACTIVATED), layer.outputs, width)


def _through_norm(f: Function, layer: RecordedLayer, row: Int, width: Int) -> None:
    """Take a panel of dn back through the normalisation, if there is one."""
    norm = layer.record.address(RecordWords.NORM)
    with f.when(norm.as_int() > 0):
        words = (RecordWords.Z, RecordWords.DN, RecordWords.DZ)
        places = [layer.panel(word, row) for word in words]
        f.call_at(norm.address(NormWords.BACKWARD), norm, *places, layer.outputs, width, row)
