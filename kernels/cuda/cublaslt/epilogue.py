"""What a product does with its result before that is stored."""

from enum import IntEnum


class Epilogue(IntEnum):
    """An epilogue by the number that ``cublasLtEpilogue_t`` gives it.

    Of a bit mask: 2 ReLU, 4 bias, 8 derivative of ReLU, 16 bias gradient, 32 GELU, 64 derivative of
    GELU, 128 an auxiliary array, 512 sums of the rows of the second operand.  GELU is the tanh form
    everywhere, never the one with erf.
    """

    NONE = 1
    BIAS = 4
    RELU_BIAS = 6
    RELU_AUX_BIAS = 134
    GELU_BIAS = 36
    GELU_AUX_BIAS = 164
    DRELU = 136
    DRELU_BGRAD = 152
    DGELU = 192
    DGELU_BGRAD = 208
    BGRADB = 512

    @property
    def adds_bias(self) -> bool:
        """Whether a bias is read."""
        return bool(self & 4)

    @property
    def sums_bias_gradient(self) -> bool:
        """Whether a bias gradient is written."""
        return bool(self & (16 | 512))

    @property
    def has_mask(self) -> bool:
        """Whether the auxiliary array is ReLU's bit mask."""
        return bool(self & 128 and self & (2 | 8))

    @property
    def has_input(self) -> bool:
        """Whether the auxiliary array is GELU's input z."""
        return bool(self & 128 and self & (32 | 64))

    @property
    def differentiates(self) -> bool:
        """Whether the result is multiplied by an activation's derivative."""
        return bool(self & (8 | 64))


FORWARD = frozenset(
    {
        Epilogue.NONE,
        Epilogue.BIAS,
        Epilogue.RELU_BIAS,
        Epilogue.RELU_AUX_BIAS,
        Epilogue.GELU_BIAS,
        Epilogue.GELU_AUX_BIAS,
    }
)
"""What may follow z = x Wᵀ."""

BACKWARD = frozenset(
    {
        Epilogue.NONE,
        Epilogue.DRELU,
        Epilogue.DRELU_BGRAD,
        Epilogue.DGELU,
        Epilogue.DGELU_BGRAD,
    }
)
"""What may follow dx = dz W."""
