"""Activations as a user names them, their gains, and the initialisers that belong to them."""

import copy
import pickle
from itertools import pairwise

import array_api_strict
import numpy as np
import pytest

from mlpcore.kernels.reference.activations import ACTIVATIONS
from mlpcore.kernels.reference.operation import Call, Scope
from mlpcore.kernels.reference.operations import Activation
from mlpcore.nn import initializers
from mlpcore.nn.activations import activation, default_initializer, gain, names


def cube(z):
    return z**3


def cube_slope(z):
    return 3 * z**2


def test_names_are_those_of_the_table():
    assert set(names()) == set(ACTIVATIONS)
    assert all(activation(name) == Activation(name) for name in names())


def test_an_unknown_name_is_answered_with_the_known_ones_and_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'relu'") as caught:
        activation("rleu")
    assert all(name in str(caught.value) for name in names())
    with pytest.raises(ValueError, match="did you mean 'gelu'"):
        activation("GELU")
    with pytest.raises(ValueError, match="unknown activation 'no such thing'; known are"):
        activation("no such thing")


def test_settings_are_kept_unless_they_are_the_defaults():
    assert activation("leaky_relu", slope=0.2).settings == (("slope", 0.2),)
    assert activation("leaky_relu", slope=0.01) == activation("leaky_relu")
    assert activation("elu", alpha=np.float32(2)).settings == (("alpha", 2.0),)
    assert activation("sin", omega=30) == activation(Activation("sin", (("omega", 30.0),)))


def test_settings_of_an_activation_can_be_replaced():
    leaky = activation("leaky_relu", slope=0.2)
    assert activation(leaky) == leaky
    assert activation(leaky, slope=0.3) == activation("leaky_relu", slope=0.3)


def test_a_setting_reaches_the_function():
    z = np.array([-2.0, 1.0])
    op = activation("leaky_relu", slope=0.25)
    call = Call(np, saved={})
    np.testing.assert_array_equal(op.forward(call, z), [-0.5, 1.0])
    np.testing.assert_array_equal(op.backward(call, np.ones(2)), [0.25, 1.0])


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("leaky_relu", {"slop": 0.1}, TypeError, "no setting 'slop'; it has: slope"),
        ("relu", {"slope": 0.1}, TypeError, "no setting 'slope'; it has: none"),
        ("leaky_relu", {"slope": "steep"}, TypeError, "slope of 'leaky_relu' must be a number"),
        ("leaky_relu", {"slope": True}, TypeError, "must be a number"),
        ("elu", {"alpha": np.nan}, ValueError, "alpha of 'elu' must be finite"),
        ("elu", {"alpha": np.inf}, ValueError, "finite"),
        ("celu", {"alpha": 0.0}, ValueError, "alpha of 'celu' must be positive"),
        ("sin", {"omega": -1.0}, ValueError, "omega of 'sin' must be positive"),
    ],
)
def test_a_bad_setting_is_refused(name, settings, error, message):
    with pytest.raises(error, match=message):
        activation(name, **settings)


@pytest.mark.parametrize("spec", [None, 3, (np.tanh,), (np.tanh, 2.0), [np.tanh, np.cosh]])
def test_what_is_no_activation_is_refused(spec):
    with pytest.raises(TypeError, match="a name, an Activation, or a pair"):
        activation(spec)


class TestOwnFunctions:
    def test_forward_and_backward_are_the_pair(self):
        op = activation((cube, cube_slope))
        assert op.name == "cube"
        assert op.function.scope is Scope.TILE
        z, da = np.array([[-2.0, 0.5]]), np.array([[1.0, 2.0]])
        call = Call(np, saved={})
        np.testing.assert_array_equal(op.forward(call, z), [[-8.0, 0.125]])
        np.testing.assert_array_equal(op.backward(call, da), [[12.0, 1.5]])

    def test_any_namespace_and_any_shape(self):
        xp, op = array_api_strict, activation((cube, cube_slope))
        z = xp.asarray([[1.0, 2.0]], dtype=xp.float32)
        a = op.function.forward(xp, z)
        assert a.dtype == xp.float32
        np.testing.assert_array_equal(np.from_dlpack(a), [[1, 8]])
        assert op.function.forward(np, np.float64(2.0)) == 8

    def test_a_constant_of_wider_dtype_does_not_widen_the_result(self):
        op = activation((lambda z: z * np.float64(0.1), lambda z: np.full(z.shape, 0.1)))
        z = np.ones((2, 2), np.float32)
        a = op.function.forward(np, z)
        assert a.dtype == np.float32
        assert op.function.backward(np, z, a, z).dtype == np.float32

    @pytest.mark.parametrize(
        ("pair", "culprit"),
        [
            ((np.sum, np.cos), "sum must return"),
            ((np.sin, lambda z: 1.0), "the derivative of sin must return"),
            ((lambda z: z[0], np.cos), "<lambda> must return"),
            ((lambda z: list(z), np.cos), "<lambda> must return"),
        ],
    )
    def test_a_result_of_another_shape_is_refused_before_any_work(self, pair, culprit):
        with pytest.raises(ValueError, match=culprit):
            activation(pair)

    @pytest.mark.parametrize(
        ("pair", "culprit"),
        [
            ((lambda z: np.tanh(z, out=z), np.cos), "<lambda> must not change its input"),
            ((lambda z: z.clip(-9, 9, out=z), np.cos), "<lambda> must not change its input"),
            ((np.sin, lambda z: np.cos(z, out=z)), "the derivative of sin must not change"),
        ],
        ids=["tanh", "clip", "derivative"],
    )
    def test_a_function_that_works_in_place_is_refused_before_any_work(self, pair, culprit):
        with pytest.raises(ValueError, match=culprit):
            activation(pair)

    def test_a_function_may_return_its_input(self):
        op = activation((lambda z: z, np.ones_like))
        z = np.array([-1.0, 2.0])
        np.testing.assert_array_equal(op.function.forward(np, z), z)

    def test_a_shape_that_goes_wrong_later_is_refused_then(self):
        op = activation((lambda z: z if z.size < 10 else z[:1], np.ones_like))
        with pytest.raises(ValueError, match=r"shape of its input, \(20, 1\), got \(1, 1\)"):
            op.function.forward(np, np.ones((20, 1)))

    def test_equal_pairs_are_equal_activations_and_survive_copying(self):
        op = activation((cube, cube_slope))
        assert op == activation((cube, cube_slope))
        assert hash(op) == hash(activation((cube, cube_slope)))
        assert op != activation((cube, np.cos))
        assert copy.deepcopy(op) == op
        assert pickle.loads(pickle.dumps(op)) == op
        assert activation(op) is op

    def test_they_take_no_settings(self):
        with pytest.raises(TypeError, match="takes no slope"):
            activation((cube, cube_slope), slope=1.0)
        with pytest.raises(TypeError, match="takes no slope"):
            activation(activation((cube, cube_slope)), slope=1.0)

    def test_a_callable_object_is_named_for_its_class(self):
        class Square:
            def __call__(self, z):
                return z * z

        assert activation((Square(), lambda z: 2 * z)).name == "Square"

    def test_values_that_overflow_in_the_probe_raise_no_warning(self):
        activation((lambda z: np.exp(1e3 * z), lambda z: 1e3 * np.exp(1e3 * z)))


def second_moment(name, **settings):
    """E[f(x)²] for x ~ N(0, 1) by SciPy's adaptive quadrature, split where a function has kinks."""
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is the reference here")

    def integrand(x):
        a = float(ACTIVATIONS[name].forward(np, np.array(x), **settings))
        return a * a * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)

    edges = [-14, -3, 0, 3, 14]
    return sum(
        integrate.quad(integrand, lo, hi, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
        for lo, hi in pairwise(edges)
    )


BY_CUSTOM = {"tanh", "sigmoid"}
ELEMENTWISE = [n for n in ACTIVATIONS if ACTIVATIONS[n].scope is Scope.TILE]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((n, {}) for n in ELEMENTWISE if n not in BY_CUSTOM),
        ("leaky_relu", {"slope": 0.3}),
        ("elu", {"alpha": 0.5}),
        ("celu", {"alpha": 3.0}),
        ("sin", {"omega": 5.0}),
    ],
)
def test_gain_restores_the_second_moment(name, settings):
    assert gain(activation(name, **settings)) ** 2 * second_moment(name, **settings) == (
        pytest.approx(1, rel=1e-9)
    )


def test_published_gains():
    assert gain("identity") == gain("sigmoid") == gain("selu") == 1
    assert gain("relu") == np.sqrt(2)
    assert gain("tanh") == 5 / 3
    assert gain(activation("leaky_relu", slope=0.2)) == np.sqrt(2 / 1.04)
    assert gain(activation("leaky_relu", slope=1.0)) == 1
    assert gain("softmax") == gain("log_softmax") == 1


def test_gain_of_a_function_of_ones_own():
    # E[x⁶] = 15
    assert gain(activation((cube, cube_slope))) == pytest.approx(15**-0.5, rel=1e-12)
    with pytest.raises(ValueError, match="zero has no gain"):
        gain(activation((zero := named("zero", np.zeros_like), zero)))


def named(name, f):
    def function(z):
        return f(z)

    function.__name__ = name
    return function


def test_every_activation_has_an_initializer_that_exists():
    for name in names():
        assert default_initializer(name) in initializers.names()
    assert default_initializer("relu") == default_initializer("gelu") == "he_normal"
    assert default_initializer("tanh") == default_initializer("softmax") == "glorot_uniform"
    assert default_initializer("selu") == "lecun_normal"
    assert default_initializer(activation("sin", omega=30)) == "siren"
    assert default_initializer(activation((cube, cube_slope))) == "he_normal"
