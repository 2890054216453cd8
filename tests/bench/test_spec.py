"""What may be measured, and the numbers that everybody gets."""

import numpy as np
import pytest

from mlpcore.bench.spec import Spec, draw_batch, draw_parameters


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": (784,)}, "at least two layer widths, got \\[784\\]"),
        ({"layers": ()}, "at least two"),
        ({"layers": (784, 0, 10)}, "positive layer widths"),
        ({"mode": "predicting"}, "unknown mode 'predicting'; known are inference, training"),
        ({"dtype": "float16"}, "unknown dtype 'float16'; known are float32, float64"),
        ({"threads": 0}, "at least one thread, got 0"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'; known are sgd, adam"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Spec(**{"layers": (4, 3)} | arguments)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_and_batch_have_the_shapes_and_dtype_of_the_network(dtype):
    spec = Spec((6, 5, 4), dtype=dtype)
    parameters = draw_parameters(spec)
    assert [(W.shape, b.shape) for W, b in parameters] == [((5, 6), (5,)), ((4, 5), (4,))]
    x, t = draw_batch(spec, 9)
    assert (x.shape, t.shape) == ((9, 6), (9,))
    assert {x.dtype, *(a.dtype for layer in parameters for a in layer)} == {np.dtype(dtype)}
    assert set(t) <= set(range(4))


def test_a_seed_fixes_the_numbers():
    spec = Spec((6, 5))
    for draw in (
        lambda seed: draw_parameters(spec, seed)[0][0],
        lambda s: draw_batch(spec, 3, s)[0],
    ):
        np.testing.assert_array_equal(draw(1), draw(1))
        assert not np.array_equal(draw(1), draw(2))


def test_the_rate_is_the_optimizers_unless_it_is_given():
    assert Spec((4, 3)).learning_rate == 0.01
    assert Spec((4, 3), optimizer="adam").learning_rate == 0.0001
    assert Spec((4, 3), learning_rate=0.0).learning_rate == 0.0
