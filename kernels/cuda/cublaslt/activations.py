"""Which activation has an epilogue, and how far that can be trusted."""

from .epilogue import Epilogue
from .refused import Refused

_FORWARD = {
    ("identity", False): Epilogue.BIAS,
    ("identity", True): Epilogue.BIAS,
    ("relu", False): Epilogue.RELU_BIAS,
    ("relu", True): Epilogue.RELU_AUX_BIAS,
    ("gelu_tanh", False): Epilogue.GELU_BIAS,
    ("gelu_tanh", True): Epilogue.GELU_AUX_BIAS,
}
_BACKWARD = {
    ("identity", False): Epilogue.NONE,
    ("relu", False): Epilogue.DRELU,
    ("relu", True): Epilogue.DRELU_BGRAD,
    ("gelu_tanh", False): Epilogue.DGELU,
    ("gelu_tanh", True): Epilogue.DGELU_BGRAD,
}
_WHY = {
    "gelu": "cuBLASLt's GELU is the tanh form, and gelu is the one with erf",
}
_INEXACT = {
    "relu": "cuBLASLt's ReLU of NaN is 0, and its derivative at z = 0 is 1",
}


def forward_epilogue(activation: str, *, keep: bool, ieee: bool = True) -> Epilogue:
    """Return the epilogue of ``a = f(x Wᵀ + b)``.

    Parameters
    ----------
    activation : str
        Its name in the reference: ``"identity"``, ``"relu"``, ``"gelu_tanh"``, ...
    keep : bool
        Whether the auxiliary array for the backward pass is wanted.
    ieee : bool
        Refuse what differs from the reference on special values: the ReLU epilogue makes 0 of NaN
        (NVIDIA developer forum, topic 329783), and its mask marks z ≥ 0 where the derivative is
        1 for z > 0 only (the tests of nvmath-python).

    Raises
    ------
    Refused
        If there is none that computes this activation.
    """
    return _epilogue(_FORWARD, activation, keep, ieee)


def backward_epilogue(activation: str, *, bias_gradient: bool, ieee: bool = True) -> Epilogue:
    """Return the epilogue of ``dz = (dz_next W_next) f'(z)``.

    Parameters
    ----------
    activation : str
        Of the layer whose dz it is.
    bias_gradient : bool
        Whether the sums of dz over the rows are wanted too.
    ieee : bool
        As for `forward_epilogue`.

    Raises
    ------
    Refused
        If there is none that computes this derivative.
    """
    return _epilogue(_BACKWARD, activation, bias_gradient, ieee)


def _epilogue(
    table: dict[tuple[str, bool], Epilogue], activation: str, more: bool, ieee: bool
) -> Epilogue:
    if ieee and activation in _INEXACT:
        raise Refused(_INEXACT[activation])
    found = table.get((activation, more))
    if found is None:
        raise Refused(_WHY.get(activation, f"cuBLASLt has no such epilogue for {activation}"))
    return found
