"""Which activation gets which epilogue; no GPU is needed to know."""

import pytest

from mlpcore.kernels.cuda.cublaslt import Epilogue, Refused, backward_epilogue, forward_epilogue
from mlpcore.kernels.reference.activations import ACTIVATIONS

FUSED = {"identity", "gelu_tanh"}


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - FUSED))
def test_only_identity_and_tanh_gelu_are_what_the_reference_computes(name):
    with pytest.raises(Refused):
        forward_epilogue(name, keep=False)
    with pytest.raises(Refused):
        backward_epilogue(name, bias_gradient=True)


def test_gelu_with_erf_never_gets_the_tanh_form():
    for ieee in (False, True):
        with pytest.raises(Refused, match="tanh form"):
            forward_epilogue("gelu", keep=True, ieee=ieee)
        with pytest.raises(Refused, match="tanh form"):
            backward_epilogue("gelu", bias_gradient=False, ieee=ieee)


def test_relu_for_those_who_accept_its_special_values():
    with pytest.raises(Refused, match="NaN"):
        forward_epilogue("relu", keep=False)
    assert forward_epilogue("relu", keep=False, ieee=False) == Epilogue.RELU_BIAS
    assert forward_epilogue("relu", keep=True, ieee=False) == Epilogue.RELU_AUX_BIAS
    assert backward_epilogue("relu", bias_gradient=False, ieee=False) == Epilogue.DRELU
    assert backward_epilogue("relu", bias_gradient=True, ieee=False) == Epilogue.DRELU_BGRAD


def test_tanh_gelu():
    assert forward_epilogue("gelu_tanh", keep=False) == Epilogue.GELU_BIAS
    assert forward_epilogue("gelu_tanh", keep=True) == Epilogue.GELU_AUX_BIAS
    assert backward_epilogue("gelu_tanh", bias_gradient=False) == Epilogue.DGELU
    assert backward_epilogue("gelu_tanh", bias_gradient=True) == Epilogue.DGELU_BGRAD


def test_without_an_activation_only_a_sum_of_dz_is_missing():
    assert forward_epilogue("identity", keep=True) == Epilogue.BIAS
    assert backward_epilogue("identity", bias_gradient=False) == Epilogue.NONE
    with pytest.raises(Refused):
        backward_epilogue("identity", bias_gradient=True)


@pytest.mark.parametrize("epilogue", Epilogue)
def test_what_an_epilogue_reads_and_writes_is_in_its_name(epilogue):
    name = epilogue.name
    assert epilogue.adds_bias == name.endswith("BIAS")
    assert epilogue.sums_bias_gradient == ("BGRAD" in name)
    assert epilogue.differentiates == (name.startswith("D"))
    uses_aux = "AUX" in name or name.startswith("D")
    assert epilogue.has_mask == (uses_aux and "RELU" in name)
    assert epilogue.has_input == (uses_aux and "GELU" in name)
