"""The activations as functions."""

import inspect

import numpy as np
import pytest

from mlpcore import functional as F
from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Scope

ELEMENTWISE = [name for name, f in ACTIVATIONS.items() if f.scope is Scope.TILE]
Z = np.linspace(-3, 3, 12).reshape(3, 4)


def agrees(a, reference):
    """Either may come from a kernel, and is within 4 units in the last place of f(z) on [-3, 3]."""
    np.testing.assert_allclose(a, reference, rtol=8 * np.finfo(a.dtype).eps)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_of_the_table_is_a_function_and_follows_an_affine_map(name):
    assert name in F.__all__
    assert f"affine_{name}" in F.__all__


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (12,), (3, 4), (2, 3, 2), (0, 4)])
def test_an_activation_is_the_reference_in_any_shape(name, dtype, shape):
    z = np.resize(Z, shape).astype(dtype)
    a = getattr(F, name)(z)
    assert (type(a), a.shape, a.dtype) == (np.ndarray, shape, dtype)
    agrees(a, ACTIVATIONS[name].forward(np, z))
    assert np.array_equal(a.ravel(), getattr(F, name)(z.ravel()))


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if ACTIVATIONS[name].defaults])
def test_settings_have_the_defaults_of_the_table_and_reach_the_formula(name):
    parameters = inspect.signature(getattr(F, name)).parameters
    for key, value in ACTIVATIONS[name].defaults.items():
        assert parameters[key].default == value
        changed = getattr(F, name)(Z, **{key: 0.3})
        agrees(changed, ACTIVATIONS[name].forward(np, Z, **{key: 0.3}))
        np.testing.assert_array_equal(getattr(F, name)(Z, 0.3), changed)


def test_a_leaky_relu_leaks_by_its_slope():
    np.testing.assert_allclose(F.leaky_relu(np.array([-2.0, 3.0]), 0.1), [-0.2, 3.0])


def test_a_setting_out_of_range_is_refused():
    with pytest.raises(ValueError, match="alpha of 'celu' must be positive"):
        F.celu(Z, alpha=0.0)
