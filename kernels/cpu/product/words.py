"""What lies where in the tables of 64-bit words through which the kernels are told what to do."""


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

    ``Z``, ``A``, ``DA`` and ``DZ`` are panels of the whole batch; where one is not needed it is the
    same as another.  ``ROWS`` holds a row after row, ``STRIDE`` elements apart, for the layer after
    this one, or is 0.  ``BACKWARD`` is the address of a kernel ``(z, a, da, dz, n, settings)``,
    ``ROW_BACKWARD`` of one ``(z, a, da, dz, features, width)``, or 0.  ``WEIGHT`` is read for the
    gradient of the input.  ``P`` and the two states are where the weight's gradient is applied, and
    ``BIAS_P`` with its states where that of the bias is, or 0.  The gradient of the weight is
    divided into ``TASKS``, each with ``SPAN`` of its columns; a task lays out its columns of
    ``HELD`` rows of the batch at once.
    """

    Z, A, DA, DZ, ROWS, STRIDE, BACKWARD, ROW_BACKWARD, SETTINGS, WEIGHT = range(10)
    P, STATE1, STATE2, BIAS_P, BIAS_STATE1, BIAS_STATE2 = range(10, 16)
    TASKS, SPAN, HELD = range(16, 19)
    COUNT = 24


class PassWords:
    """A pass that is differentiated: forward, loss and backward, or some of these.

    ``RECORDS`` is the address of the layers' records.  ``WIDTH`` is the width of all panels and
    ``CHUNK`` how many rows are carried through the layers at once, a multiple of it.  ``LOSS`` is
    the kernel of the loss with its arguments, or 0: then ``DY`` holds the gradient of the result,
    row after row.  ``TARGET_BYTES`` lie from the targets of one row to those of the next.  ``DX``
    is where the gradient of the input goes, row after row, or 0.  ``LAYER`` is the kernel that
    computes a layer, ``GRADIENT`` the one that computes ``GRADIENT_STEP`` features of the gradient
    of its input, for which it needs the first ``COPIED`` elements of the scratch.  ``APPLY`` and
    ``SWEEP`` are what is done with the gradients of weights and biases.
    """

    NETWORK, RECORDS, X, LDX, ROWS, WIDTH, CHUNK, SCRATCH, SHARE = range(9)
    LOSS, TARGETS, TARGET_STRIDE, TARGET_BYTES, WEIGHTS, LOSSES, LOSS_SETTINGS = range(9, 16)
    DY, LDDY, DX, LDDX, APPLY, SWEEP, WEIGHT_SETTINGS, BIAS_SETTINGS = range(16, 24)
    BOARD, PARTICIPANTS, Y, LDY, LAYER, GRADIENT, GRADIENT_STEP, COPIED = range(24, 32)
    COUNT = 32


class CallWords:
    """A prediction that a thread makes again and again: what does not change from call to call."""

    NETWORK, SCRATCH, SHARE, CHUNK, PARTICIPANTS, ACTIVATE = range(6)
    COUNT = 8
