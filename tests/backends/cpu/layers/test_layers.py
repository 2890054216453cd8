"""What a plan computes of dropout, noise and normalisation: that of the reference, by kernels."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from support.panels import same_bits

from mlpcore.backends.arithmetic import REFERENCE
from mlpcore.backends.cpu.arithmetic import CompiledArithmetic
from mlpcore.backends.cpu.compiled import compiled
from mlpcore.backends.cpu.layers import layer_kernels
from mlpcore.kernels.reference.operation import Call, RandomKey
from mlpcore.kernels.reference.operations import BatchNorm, Dropout, GaussianNoise, LayerNorm

pytestmark = pytest.mark.skipif(
    compiled("float32", "few", "team") is None, reason="there are no compiled kernels"
)

OPERATIONS = {
    "dropout": Dropout(0.3),
    "gaussian noise": GaussianNoise(0.7),
    "batch norm": BatchNorm(momentum=0.3, eps=1e-3),
    "layer norm": LayerNorm(eps=1e-3),
}
FEATURES = 13
DTYPES = ("float32", "float64")
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])


def numbers(rows, dtype, seed=0):
    """Return rows that lie column after column, as an operation of a user's own may return them."""
    return np.random.default_rng(seed).normal(3, 2, size=(FEATURES, rows)).astype(dtype).T


def call_of(operation, dtype, training):
    rng = np.random.default_rng(1)

    def arrays(shapes, low):
        return {p.name: rng.uniform(low, 2, p.shape).astype(dtype) for p in shapes}

    parameters = arrays(operation.parameters(FEATURES), -2)
    gradients = {name: np.full_like(array, np.nan) for name, array in parameters.items()}
    key = RandomKey(2**64 - 1, 7, 3, 40) if training else None
    state = arrays(operation.state(FEATURES), 0.5)
    return Call(np, parameters, gradients, state, training=training, random=key, saved={})


def outcome(arithmetic, operation, dtype, training, rows=70):
    """Return all that forward and backward give and write, by name."""
    call = call_of(operation, dtype, training)
    y = arithmetic.apply(operation, call, numbers(rows, dtype))
    dx = arithmetic.differentiate(operation, call, numbers(rows, dtype, 5))
    return {"y": y, "dx": dx} | call.gradients | call.state


@every_operation
@every_dtype
@both_modes
def test_it_is_what_the_reference_computes(operation, dtype, training):
    """The tests of the kernels have derived bounds; here all terms are of order 1 to 100."""
    assert layer_kernels(operation, np.dtype(dtype)) is not None
    found = outcome(CompiledArithmetic(dtype), operation, dtype, training)
    expected = outcome(REFERENCE, operation, dtype, training)
    bound = 1e-4 if dtype == "float32" else 1e-12
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_allclose(found[name], array, rtol=bound, atol=bound, err_msg=name)


@every_dtype
def test_dropout_has_the_bits_of_the_reference(dtype):
    found = outcome(CompiledArithmetic(dtype), Dropout(0.3), dtype, True)
    expected = outcome(REFERENCE, Dropout(0.3), dtype, True)
    assert same_bits(found["y"], expected["y"])
    assert same_bits(found["dx"], expected["dx"])


@every_operation
def test_other_places_of_the_random_stream_give_other_numbers(operation):
    arithmetic, x = CompiledArithmetic("float32"), numbers(4, "float32")
    key = RandomKey(1, 2, 3, 4)
    others = [key._replace(**{name: 9}) for name in ("seed", "step", "layer", "row")]
    call = call_of(operation, "float32", True)
    results = [
        arithmetic.apply(operation, replace(call, random=k, saved={}), x) for k in (key, *others)
    ]
    draws = isinstance(operation, Dropout | GaussianNoise)
    assert len({r.tobytes() for r in results}) == (5 if draws else 1)


@pytest.mark.parametrize("operation", [Dropout(0.0), GaussianNoise(0.0)], ids=str)
def test_what_changes_nothing_returns_its_input(operation):
    arithmetic, x = CompiledArithmetic("float32"), numbers(4, "float32")
    call = call_of(operation, "float32", True)
    assert arithmetic.apply(operation, call, x) is x
    assert arithmetic.differentiate(operation, call, x) is x


@pytest.mark.parametrize("rate", [2.0**-40, 1 - 2.0**-40])
def test_rates_that_round_to_nothing_or_all(rate):
    found = outcome(CompiledArithmetic("float64"), Dropout(rate), "float64", True)
    expected = outcome(REFERENCE, Dropout(rate), "float64", True)
    assert same_bits(found["y"], expected["y"])
    assert same_bits(found["dx"], expected["dx"])


@every_operation
@both_modes
def test_a_batch_of_no_rows(operation, training):
    call = call_of(operation, "float32", training)
    arithmetic, x = CompiledArithmetic("float32"), numbers(0, "float32")
    if training and isinstance(operation, BatchNorm):
        with pytest.raises(ValueError, match="two rows or more"):
            arithmetic.apply(operation, call, x)
        return
    assert arithmetic.apply(operation, call, x).shape == x.shape
    assert arithmetic.differentiate(operation, call, x).shape == x.shape
    assert not any(gradient.any() for gradient in call.gradients.values())


def test_batch_norm_refuses_a_batch_of_one_row():
    call = call_of(BatchNorm(), "float32", True)
    with pytest.raises(ValueError, match="two rows or more in a training step; got 1"):
        CompiledArithmetic("float32").apply(BatchNorm(), call, numbers(1, "float32"))


@pytest.mark.parametrize("operation", [Dropout(0.3), BatchNorm(), LayerNorm()], ids=str)
def test_shapes_that_do_not_fit_are_refused_before_a_kernel_reads_them(operation):
    arithmetic, call = CompiledArithmetic("float32"), call_of(operation, "float32", True)
    arithmetic.apply(operation, call, numbers(4, "float32"))
    with pytest.raises(ValueError, match=r"dy has shape \(5, 13\); expected \(4, 13\)"):
        arithmetic.differentiate(operation, call, numbers(5, "float32"))
    if operation.parameters(FEATURES):
        with pytest.raises(ValueError, match=r"x has shape \(4, 2\); expected \(rows, 13\)"):
            arithmetic.apply(operation, call, numbers(4, "float32")[:, :2])


@dataclass(frozen=True)
class Twice(Dropout):
    """A subclass that computes something else, and cannot be hashed."""

    __hash__ = None

    def forward(self, call, x):
        return 2 * x


def test_a_subclass_of_a_users_own_is_left_to_itself():
    call = call_of(Twice(0.5), "float32", True)
    assert CompiledArithmetic("float32").apply(Twice(0.5), call, np.ones((1, 2), "f")).sum() == 4
