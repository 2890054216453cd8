"""A loss of one's own is a function of z and t that returns its mean and the gradient by z."""

import numpy as np
import pytest
from support.training import batch, classifier, host, same, weights

X, _ = batch()
T = np.random.default_rng(3).normal(size=(12, 3))


def log_cosh(z, t):
    """Return the mean of log cosh(z - t) over all elements, and tanh(z - t) / n."""
    xp = np if isinstance(z, np.ndarray) else __import__("cupy")
    d = z - t
    return xp.log(xp.cosh(d)).mean(), xp.tanh(d) / d.size


def squares(z, t):
    return ((z - t) ** 2).mean(), 2 * (z - t) / z.size


def regressor(device, **changes):
    return classifier(device=device, output="identity", **changes)


def steps(model, loss, count=3, **options):
    trainer = model.trainer(loss, "adam", 0.05, **options)
    return [float(host(trainer.step(X, T))) for _ in range(count)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"l2": 0.1, "clip_norm": 0.1}, {"accumulate": 2}])
def test_the_squared_error_written_by_hand_trains_as_the_one_by_name(device, dtype, options):
    own, known = regressor(device, dtype=dtype), regressor(device, dtype=dtype)
    rtol = 1e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(
        steps(own, squares, 4, **options), steps(known, "mse", 4, **options), rtol=rtol
    )
    for name, W in weights(known).items():
        np.testing.assert_allclose(weights(own)[name], W, rtol=rtol, atol=rtol)


def test_fit_evaluate_and_validation_take_it(device):
    model = regressor(device)
    before = model.evaluate(X, T, loss=log_cosh)["loss"]
    history = model.fit(
        X, T, loss=log_cosh, epochs=5, batch_size=5, lr=0.05, validation_data=(X, T)
    )
    z = host(model.forward(X, cache=False))
    expected = np.log(np.cosh(z - T)).mean()
    assert model.evaluate(X, T, loss=log_cosh)["loss"] == pytest.approx(expected, rel=1e-12)
    assert history["val_loss"][-1] == pytest.approx(expected, rel=1e-12)
    assert expected < before


def test_it_gets_the_logits_and_the_targets_as_rows_on_the_models_device(device):
    seen = []

    def looking(z, t):
        seen.append((type(z).__module__.partition(".")[0], z.shape, z.dtype, t.shape, t.dtype))
        return squares(z, t)

    regressor(device, dtype="float32").trainer(looking).step(X, T)
    library = "numpy" if device == "cpu" else "cupy"
    assert seen == [(library, (12, 3), np.float32, (12, 3), np.float32)]


@pytest.mark.parametrize("give", [float, np.float32, np.array, lambda v: int(v * 0)])
def test_the_value_may_be_any_number(device, give):
    def loss(z, t):
        return give(float(host(squares(z, t)[0]))), squares(z, t)[1]

    own, known = regressor(device), regressor(device)
    steps(own, loss)
    steps(known, squares)
    assert same(weights(own), weights(known))


def test_integers_and_wider_numbers_are_brought_to_the_models_dtype(device):
    def loss(z, t):
        return 0, (z - t > 0).astype("int8")

    def by_hand(z, t):
        return 0.0, (z - t > 0).astype("float64")

    own, known = (regressor(device, dtype="float32") for _ in range(2))
    steps(own, loss)
    steps(known, by_hand)
    assert same(weights(own), weights(known))


def test_a_gradient_that_is_z_or_t_itself_is_not_written_to(device):
    x, t = X.copy(), T.copy()
    for loss in (lambda z, t: (0.0, z), lambda z, t: (0.0, t)):
        own, known = regressor(device), regressor(device)
        own.trainer(loss, "sgd").step(x, t)
        known.trainer(lambda z, t, loss=loss: (0.0, loss(z, t)[1].copy()), "sgd").step(x, t)
        assert same(weights(own), weights(known))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(t, T)


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (lambda z: z.sum(), TypeError, "must return a pair, its value and its gradient dz; got"),
        (lambda z: None, TypeError, "must return a pair, .* got NoneType"),
        (lambda z: (0.0, z, z), TypeError, "must return a pair, .* got tuple of length 3"),
        (lambda z: (0.0, None), TypeError, "the dz that the loss 'own' returned"),
        (lambda z: (0.0, z * 1j), TypeError, "the dz .* must hold real numbers, got dtype complex"),
        (lambda z: ("no", z), TypeError, "the value that the loss 'own' returned"),
        (lambda z: (1j, z), TypeError, "the value .* must hold real numbers, got dtype complex"),
        (lambda z: (z.sum(1), z), ValueError, r"a value of shape \(12,\) .* expected \(\)"),
        (lambda z: (0.0, z[:, 0]), ValueError, r"dz of shape \(12,\); expected \(\) and \(12, 3\)"),
        (lambda z: (0.0, 1.0), ValueError, r"dz of shape \(\); expected"),
    ],
)
@pytest.mark.parametrize("way", ["step", "fit", "value_and_grad", "evaluate"])
def test_what_is_no_value_and_gradient_is_refused_and_changes_nothing(
    device, returned, error, words, way
):
    def own(z, t):
        return returned(z)

    model = regressor(device)
    before = weights(model)
    call = {
        "step": lambda: model.trainer(own).step(X, T),
        "fit": lambda: model.fit(X, T, loss=own, epochs=1, batch_size=12),
        "value_and_grad": lambda: model.value_and_grad(X, T, own),
        "evaluate": lambda: model.evaluate(X, T, loss=own),
    }[way]
    with pytest.raises(error, match=words):
        call()
    assert same(weights(model), before)


def test_an_array_of_the_other_device_is_refused(device):
    if device == "cpu":
        pytest.skip("NumPy is at home here")

    def own(z, t):
        return 0.0, np.zeros(z.shape)

    with pytest.raises(TypeError, match="is a numpy array, but z is a cupy array; compute with cu"):
        regressor(device).trainer(own).step(X, T)


def test_weights_are_refused_since_nobody_could_apply_them():
    with pytest.raises(ValueError, match="'squares' is your own and takes no sample_weight"):
        regressor("cpu").trainer(squares).step(X, T, np.ones(12))
