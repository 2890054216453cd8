"""What lies where in the tables of 64-bit words through which the kernels are told what to do."""

from typing import Any

FORWARD, BACKWARD = 1, 2
"""The ways of a pass; their sum is both."""


class LayerWords:
    """A layer: one matrix product with the bias and the activation after it.

    ``FLOOR`` holds a number of the dtype: 0 where the activation is ReLU, applied by the tile, and
    minus infinity elsewhere.  ``ACTIVATION`` is the address of a kernel ``(z, a, n, settings)`` for
    elements, ``ROW_ACTIVATION`` of one ``(z, a, features, width)`` for a panel, or 0.
    ``HEIGHT``, ``LARGER`` and ``PANELS`` say how the weight is packed in heights; ``NATURAL`` is
    where it lies as the user has it.
    """

    FEATURES, OUTPUTS, WEIGHTS, FEW_WEIGHTS, BIAS, FLOOR = range(6)
    ACTIVATION, ROW_ACTIVATION, SETTINGS, HEIGHT, LARGER, PANELS, NATURAL = range(6, 13)
    COUNT = 16


class NetworkWords:
    """A network: `LAYERS` layers follow from word `COUNT` on.

    ``MEAN`` and ``SCALE`` standardise the input, or are 0.  ``WIDEST`` is the largest number of
    features of any input or layer.  ``OUTPUT``, ``ROW_OUTPUT`` and ``SETTINGS`` are what prediction
    applies to the logits, as in a layer.  ``TEAM`` and ``TEAM_RUN`` are the worker team and the
    kernel that runs a job with it.  ``INTO_PANEL`` and ``FROM_PANEL`` are kernels of these
    names, for passes that are compiled apart from them.
    """

    LAYERS, FEATURES, OUTPUTS, MEAN, SCALE, WIDEST = range(6)
    OUTPUT, ROW_OUTPUT, SETTINGS, TEAM, TEAM_RUN = range(6, 11)
    INTO_PANEL, FROM_PANEL = range(11, 13)
    COUNT = 16


class JobWords:
    """One prediction: the arguments of the kernels that predict, and what its participants share.

    ``ACTIVATE`` says whether the output belongs to it.  Each participant has ``SHARE`` bytes of
    ``SCRATCH``; the board follows the last share.
    """

    NETWORK, X, LDX, ROWS, Y, LDY, SCRATCH, SHARE, BOARD, PARTICIPANTS, ACTIVATE, CHUNK = range(12)
    COUNT = 16


class RecordWords:
    """What a pass that is differentiated keeps of a layer, besides `LayerWords`.

    ``Z`` is the result of the product with its bias, ``N`` what a normalisation makes of it, ``A``
    what the activation makes of that, and ``Y`` what dropout leaves, the result of the layer;
    ``DZ``, ``DN``, ``DA`` and ``DY`` are their gradients.  All are panels of the whole batch; where
    one is not needed it is the same as another.  ``ROWS`` holds y row after row, ``STRIDE``
    elements apart, for the layer after this one, or is 0.  ``BACKWARD`` is the address of a kernel
    ``(n, a, da, dn, count, settings)``, ``ROW_BACKWARD`` of one ``(n, a, da, dn, features,
    width)``, or 0.

    ``NORM`` and ``DROPOUT`` are the addresses of `NormWords` and `DropoutWords`, or 0.  Where there
    is a normalisation, the layer is one without activation, and ``ACTIVATION`` or
    ``ROW_ACTIVATION`` comes after it.

    ``WEIGHT`` is read for the gradient of the input.  ``P`` and the two states are where the
    weight's gradient is applied, and ``BIAS_P`` with its states where that of the bias is, or 0.
    The gradient of the weight is divided into ``TASKS``, each with ``SPAN`` of its columns; a task
    lays out its columns of ``HELD`` rows of the batch at once.  On few rows so many columns may be
    divided once more, into ``PARTS`` of the outputs.

    ``STRIPS`` holds dz once more, as the gradients of the parameters read it: within a panel, some
    outputs after others, as many as are computed together, and of these row after row.  Unless
    somebody looks at dz afterwards it is the same array.
    """

    Z, A, DA, DZ, ROWS, STRIDE, BACKWARD, ROW_BACKWARD, SETTINGS, WEIGHT = range(10)
    P, STATE1, STATE2, BIAS_P, BIAS_STATE1, BIAS_STATE2 = range(10, 16)
    TASKS, SPAN, HELD = range(16, 19)
    N, Y, DN, DY, NORM, DROPOUT, ACTIVATION, ROW_ACTIVATION, STRIPS, PARTS = range(19, 29)
    COUNT = 32


class DropoutWords:
    """Dropout of a layer's result.

    ``FORWARD`` is the address of a kernel ``(a, y, kept, features, width, row, seed, step, layer,
    t, scale)``, ``BACKWARD`` of one ``(dy, da, kept, n, scale)``.  ``KEPT`` has a byte for each
    element of the panels.  ``LAYER`` is the operation's number in the random stream, ``THRESHOLD``
    how many of the 2**32 words drop an element, and ``SCALE``, a number of the dtype, 1 / (1 -
    rate).
    """

    FORWARD, BACKWARD, KEPT, LAYER, THRESHOLD, SCALE = range(6)
    COUNT = 8


class NormWords:
    """A normalisation of what a product gives: of each row, or of each feature over the batch.

    ``FORWARD`` is the address of a kernel ``(norm, z, n, features, width, row)``, ``BACKWARD`` of
    one ``(norm, z, dn, dz, features, width, row)``, both for a panel.  ``STATISTICS`` is that of
    one ``(norm, z, panel_step, width, rows, first, count)`` for `count` features from `first` on,
    before which no row can be normalised, or 0.  ``GRADIENTS``, with the panels of dn after those
    of z, writes the gradients ``DSCALE`` and ``DSHIFT`` of the parameters ``SCALE`` and ``SHIFT``;
    where there are statistics, no row goes back before it is done.

    ``MEAN`` and ``INVERSE`` are kept of each row or feature, ``FACTOR``, ``SLOPE`` and ``CONSTANT``
    are what a feature's gradients are made with, and ``SETTINGS`` are numbers of the dtype.  The
    statistics follow those of the batch in ``RUNNING_MEAN`` and ``RUNNING_VARIANCE``.  The
    gradients are applied at ``SCALE_P`` and ``SHIFT_P`` with two states each.
    """

    FORWARD, BACKWARD, STATISTICS, GRADIENTS, SCALE, SHIFT, DSCALE, DSHIFT = range(8)
    MEAN, INVERSE, FACTOR, SLOPE, CONSTANT, SETTINGS = range(8, 14)
    RUNNING_MEAN, RUNNING_VARIANCE = range(14, 16)
    SCALE_P, SCALE_STATE1, SCALE_STATE2, SHIFT_P, SHIFT_STATE1, SHIFT_STATE2 = range(16, 22)
    COUNT = 24


class PassWords:
    """A pass that is differentiated: forward, loss and backward, or some of these.

    ``RECORDS`` is the address of the layers' records.  ``WIDTH`` is the width of all panels and
    ``CHUNK`` how many rows are carried through the layers at once, a multiple of it.  ``LOSS`` is
    the kernel of the loss with its arguments, or 0: then ``DY`` holds the gradient of the result,
    row after row.  ``TARGET_BYTES`` lie from the targets of one row to those of the next.  ``DX``
    is where the gradient of the input goes, row after row, or 0.  ``LAYER`` is the kernel that
    computes a part of a layer, ``GRADIENT`` the one that computes ``GRADIENT_STEP`` features at
    most of the gradient of its input, ``GRADIENT_UNIT`` of them at a time, for which it needs the
    first ``COPIED`` elements of the scratch.  ``APPLY`` and
    ``SWEEP`` are what is done with the gradients of weights and biases; ``APPLY_FEW``, unless it is
    0, computes the former too.

    ``STOPS`` are the numbers of the layers whose normalisation needs the whole batch, ascending,
    between -1 and the number of all layers: the ends of ``RUNS`` runs, each of which a chunk goes
    through by itself.  ``SEED``, ``STEP`` and ``FIRST_ROW`` say what dropout draws.
    With ``SPREAD`` all participants work on the same rows, else each on chunks of its own.
    ``WAYS`` is `FORWARD`, or `BACKWARD` from the loss or a given gradient, or their sum.
    """

    NETWORK, RECORDS, X, LDX, ROWS, WIDTH, CHUNK, SCRATCH, SHARE = range(9)
    LOSS, TARGETS, TARGET_STRIDE, TARGET_BYTES, WEIGHTS, LOSSES, LOSS_SETTINGS = range(9, 16)
    DY, LDDY, DX, LDDX, APPLY, SWEEP, WEIGHT_SETTINGS, BIAS_SETTINGS = range(16, 24)
    BOARD, PARTICIPANTS, Y, LDY, LAYER, GRADIENT, GRADIENT_STEP, COPIED = range(24, 32)
    STOPS, RUNS, SEED, STEP, FIRST_ROW, WAYS, APPLY_FEW, SPREAD, GRADIENT_UNIT = range(32, 41)
    COUNT = 48


def phases(layers: Any, runs: Any, spread: Any) -> Any:
    """Return how many phases the board of a pass has at most: a number, or that of a kernel.

    Each run but the last is gone through forward and back, with sums over the batch both times; the
    last is one phase, and so are the gradients of each layer.  Where a pass is `spread` (1, else
    0), the product of a layer and what follows it are two phases, both ways; so are the beginning
    and the end of the way forward, and those of each run back.
    """
    return layers + 4 * runs - 3 + spread * (4 * layers + 3)


class CallWords:
    """A prediction that a thread makes again and again: what does not change from call to call."""

    NETWORK, SCRATCH, SHARE, CHUNK, PARTICIPANTS, ACTIVATE = range(6)
    COUNT = 8
