"""The affine map, alone and with each activation."""

import inspect
import pickle

import numpy as np
import pytest

from mlpcore import functional as F
from mlpcore.kernels.reference.activations import ACTIVATIONS


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,), (2, 0, 3)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layout", ["out_in", "in_out"])
def test_every_row_is_mapped_by_the_same_weights(lead, bias, layout, rng):
    x, W, b = rng.normal(size=(*lead, 3)), rng.normal(size=(4, 3)), rng.normal(size=4) * bias
    z = F.affine(x, W if layout == "out_in" else W.T, b if bias else None, layout=layout)
    assert z.shape == (*lead, 4)
    for i in np.ndindex(lead):
        expected = [sum(W[j, k] * x[i][k] for k in range(3)) + b[j] for j in range(4)]
        np.testing.assert_allclose(z[i], expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("out", "in_"), [(0, 3), (2, 0), (0, 0)])
def test_widths_of_zero_are_allowed(out, in_):
    z = F.affine(np.ones((5, in_)), np.ones((out, in_)), np.full(out, 0.5))
    np.testing.assert_array_equal(z, np.full((5, out), 0.5 + in_ * (out > 0)))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_follows_the_affine_map(name, rng):
    x, W, b = rng.normal(size=(2, 5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
    f, settings = getattr(F, f"affine_{name}"), dict.fromkeys(ACTIVATIONS[name].defaults, 0.3)
    expected = getattr(F, name)(F.affine(x, W, b, layout="in_out"), **settings)
    np.testing.assert_array_equal(f(x, W, b, layout="in_out", **settings), expected)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_affine_activation_introduces_itself(name):
    f = getattr(F, f"affine_{name}")
    assert f.__name__ == f.__qualname__ == f"affine_{name}"
    assert f.__doc__.startswith(f"Return {name}(x Wᵀ + b).")
    assert pickle.loads(pickle.dumps(f)) is f
    parameters = inspect.signature(f).parameters
    assert [*parameters][:5] == ["x", "W", "b", "layout", "out"]
    settings = {key: parameters[key].default for key in [*parameters][5:]}
    assert settings == dict(ACTIVATIONS[name].defaults)


def test_an_unknown_setting_lists_the_known_ones():
    with pytest.raises(TypeError, match="'leaky_relu' has no setting 'alpha'; it has: slope"):
        F.affine_leaky_relu(np.ones(2), np.ones((1, 2)), alpha=1.0)


@pytest.mark.parametrize("f", [F.affine, F.affine_relu])
@pytest.mark.parametrize(
    ("x", "W", "b", "layout", "message"),
    [
        ((2, 3), (4, 2), None, "out_in", r"the input has shape \(2, 3\).* takes \(..., 2\)"),
        (
            (2, 3),
            (4, 3),
            None,
            "in_out",
            r"W of shape \(4, 3\) with layout='in_out' takes \(..., 4\)",
        ),
        ((), (4, 3), None, "out_in", r"the input has shape \(\)"),
        ((2, 3), (4, 3), (3,), "out_in", r"b has shape \(3,\), but W .* takes \(4,\)"),
        ((2, 3), (4, 3), (1,), "out_in", r"b has shape \(1,\)"),
        ((2, 3), (3,), None, "out_in", r"W must be a matrix \(out, in\), got shape \(3,\)"),
        ((2, 3), (4, 3), None, "rows", "unknown layout 'rows'; known are 'out_in' and 'in_out'"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(f, x, W, b, layout, message):
    with pytest.raises(ValueError, match=message):
        f(np.ones(x), np.ones(W), None if b is None else np.ones(b), layout=layout)
