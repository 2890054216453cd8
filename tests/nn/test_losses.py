"""Losses by name: settings, targets, and the outputs that they belong to."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error

from mlpcore.kernels.reference.losses import LOSSES
from mlpcore.nn.losses import Loss, check_output, default_for_output, loss


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_a_loss_is_a_value_that_compares_and_hashes():
    a, b = loss("huber", delta=2), loss("huber", delta=2.0)
    assert a == b
    assert hash(a) == hash(b)
    assert loss("huber", delta=1.0) == loss("huber") == Loss("huber")
    with pytest.raises(dataclasses.FrozenInstanceError):
        a.name = "mse"


@pytest.mark.parametrize(
    ("name", "settings", "shown"),
    [
        ("mse", {}, "mse"),
        ("cross_entropy", {"label_smoothing": 0.1}, "cross_entropy(label_smoothing=0.1)"),
        ("nll", {"class_weight": {2: 3, 0: 1}}, "nll(class_weight=((0, 1.0), (2, 3.0)))"),
        ("nll", {"class_weight": np.array([1, 2])}, "nll(class_weight=(1.0, 2.0))"),
        (
            "binary_cross_entropy",
            {"pos_weight": [2, 3]},
            "binary_cross_entropy(pos_weight=(2.0, 3.0))",
        ),
    ],
)
def test_settings_become_plain_values_that_survive_json(name, settings, shown):
    made = loss(name, **settings)
    assert str(made) == shown
    assert loss(name, **json.loads(json.dumps(dict(made.settings)))) == made
    assert loss(made) == made


def test_settings_replace_those_of_a_loss():
    smooth = loss("cross_entropy", label_smoothing=0.1, ignore_index=0)
    assert loss(smooth, label_smoothing=0.2) == loss(
        "cross_entropy", label_smoothing=0.2, ignore_index=0
    )


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown loss 'hubre'; known are cross_entropy, .*huber"):
        loss("hubre")


@pytest.mark.parametrize(
    ("name", "setting", "listed"),
    [("huber", "slope", "delta"), ("mse", "delta", "none"), ("nll", "label_smoothing", "class_")],
)
def test_an_unknown_setting_lists_the_known_ones(name, setting, listed):
    with pytest.raises(TypeError, match=f"{name}.* no setting '{setting}'; it has: {listed}"):
        loss(name, **{setting: 0.5})


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cross_entropy", {"label_smoothing": 1.5}),
        ("cross_entropy", {"label_smoothing": float("nan")}),
        ("cross_entropy", {"class_weight": [1, -1]}),
        ("cross_entropy", {"class_weight": np.array([1.0, np.nan])}),
        ("cross_entropy", {"class_weight": np.array([[0, 5], [1, 1]])}),
        ("cross_entropy", {"class_weight": ((0, 1.0), (0, 2.0))}),
        ("nll", {"class_weight": [1.0, float("inf")]}),
        ("binary_cross_entropy", {"pos_weight": -1}),
        ("binary_cross_entropy", {"pos_weight": np.ones((2, 2))}),
        ("huber", {"delta": 0}),
        ("huber", {"delta": float("inf")}),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name, settings):
    (setting,) = settings
    with pytest.raises(ValueError, match=f"^{setting} of loss '{name}' "):
        loss(name, **settings)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("nll", {"ignore_index": 0.5}),
        ("nll", {"ignore_index": True}),
        ("nll", {"class_weight": 2.0}),
        ("nll", {"class_weight": "12"}),
        ("nll", {"class_weight": ["1", "2"]}),
        ("nll", {"class_weight": np.array([True, False])}),
        ("nll", {"class_weight": [[0, 1.0, 2.0]]}),
        ("nll", {"class_weight": {0: "1"}}),
        ("cross_entropy", {"label_smoothing": "0.1"}),
        ("cross_entropy", {"label_smoothing": True}),
        ("binary_cross_entropy", {"pos_weight": "2"}),
        ("huber", {"delta": "0.5"}),
    ],
)
def test_a_setting_of_the_wrong_type_is_refused_by_name(name, settings):
    (setting,) = settings
    with pytest.raises(TypeError, match=f"^{setting} of loss '{name}' "):
        loss(name, **settings)


@pytest.mark.parametrize(("key", "error"), [(-1, ValueError), (0.0, TypeError), ("0", TypeError)])
def test_a_mapping_of_class_weights_has_classes_for_keys(key, error):
    with pytest.raises(error, match=r"^a class in class_weight of loss 'nll' must be"):
        loss("nll", class_weight={key: 1.0})


def test_a_mapping_that_names_no_class_leaves_every_weight_one():
    assert loss("nll", class_weight={}) == loss("nll")


def test_what_is_no_loss_is_refused():
    with pytest.raises(TypeError, match=r"a name, a Loss, or a function .* got int"):
        loss(3)


def test_each_loss_says_what_it_expects():
    expected = {name: loss(name).expects for name in LOSSES}
    assert expected == {
        "cross_entropy": "classes",
        "nll": "classes",
        "binary_cross_entropy": "probabilities",
        "mse": "values",
        "mae": "values",
        "huber": "values",
    }


def test_cross_entropy_is_the_log_loss_of_scikit_learn(rng):
    z, t, w = rng.normal(0, 2, (20, 4)), np.arange(20) % 4, rng.uniform(0, 2, 20)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert loss("cross_entropy")(np, z, t)[0] == pytest.approx(log_loss(t, p), rel=1e-12)
    value, _ = loss("cross_entropy")(np, z, t, w)
    assert value == pytest.approx(log_loss(t, p, sample_weight=w), rel=1e-12)


def test_binary_cross_entropy_is_the_log_loss_of_scikit_learn(rng):
    z, t = rng.normal(0, 2, (20, 1)), np.arange(20) % 2 == 0
    value, dz = loss("binary_cross_entropy")(np, z, t)
    assert value == pytest.approx(log_loss(t, 1 / (1 + np.exp(-z[:, 0]))), rel=1e-12)
    assert dz.shape == (20, 1)


def test_regression_losses_are_the_metrics_of_scikit_learn(rng):
    z, t, w = rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), rng.uniform(0, 2, 9)
    for name, metric in (("mse", mean_squared_error), ("mae", mean_absolute_error)):
        assert loss(name)(np, z, t)[0] == pytest.approx(metric(t, z), rel=1e-12)
        value, _ = loss(name)(np, z, t, w)
        assert value == pytest.approx(metric(t, z, sample_weight=w), rel=1e-12)


def test_class_weights_are_the_weights_of_the_rows_of_a_class(rng):
    z, t = rng.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
    w = np.array([1.0, 2.0, 0.5])
    by_row = loss("cross_entropy")(np, z, t, w[t])
    for weights in (w, list(w), {1: 2.0, 2: 0.5}):
        by_class = loss("cross_entropy", class_weight=weights)(np, z, t)
        np.testing.assert_allclose(by_class[0], by_row[0], rtol=1e-15)
        np.testing.assert_allclose(by_class[1], by_row[1], rtol=1e-15)


@pytest.mark.parametrize("ignored", [-100, 1, 255])
def test_ignored_rows_leave_what_the_other_rows_give(ignored, rng):
    z, t = rng.normal(size=(5, 3)), np.array([0, 1, 2, 2, 0], np.int16)
    t[[1, 3]] = ignored
    kept = [0, 2, 4]
    chosen = loss("cross_entropy", ignore_index=ignored)
    chosen.validate(z.shape, t)
    value, dz = chosen(np, z, t)
    expected, dz_kept = loss("cross_entropy")(np, z[kept], t[kept])
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(dz[kept], dz_kept, rtol=1e-15)
    np.testing.assert_array_equal(dz[[1, 3]], np.zeros((2, 3)))


def test_a_batch_of_ignored_rows_alone_teaches_nothing(rng):
    value, dz = loss("cross_entropy", ignore_index=7)(np, rng.normal(size=(2, 3)), np.array([7, 7]))
    assert value == 0
    np.testing.assert_array_equal(dz, np.zeros((2, 3)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_empty_batch_has_loss_zero(name, dtype):
    z = np.zeros((0, 3), dtype)
    t = np.zeros(0, int) if loss(name).expects == "classes" else np.zeros((0, 3))
    loss(name).validate(z.shape, t)
    value, dz = loss(name)(np, z, t)
    assert value == 0
    assert (value.dtype, dz.dtype, dz.shape) == (dtype, dtype, (0, 3))


@pytest.mark.parametrize("shape", [(3,), (2, 4, 3)])
def test_any_leading_shape_counts_as_rows(shape, rng):
    z, t = rng.normal(size=shape), rng.integers(0, 3, shape[:-1])
    value, dz = loss("cross_entropy")(np, z, t)
    flat, dz_flat = loss("cross_entropy")(np, z.reshape(-1, 3), t.reshape(-1))
    np.testing.assert_allclose(value, flat, rtol=1e-14)
    np.testing.assert_allclose(dz, dz_flat.reshape(shape), rtol=1e-14)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "binary_cross_entropy"])
def test_a_column_of_one_takes_targets_without_it(name, rng):
    z, t = rng.normal(size=(5, 1)), rng.uniform(size=5)
    short, full = loss(name)(np, z, t), loss(name)(np, z, t[:, None])
    assert short[0] == full[0]
    np.testing.assert_array_equal(short[1], full[1])
    assert short[1].shape == (5, 1)


@pytest.mark.parametrize(
    ("name", "z_shape", "t_shape"),
    [
        ("mse", (5,), (5, 1)),
        ("mse", (5, 5), (5,)),
        ("mse", (5, 2), (2, 5)),
        ("mae", (5, 1), (1, 5)),
        ("huber", (5, 2), (5, 1)),
        ("binary_cross_entropy", (5, 2), ()),
        ("cross_entropy", (5, 3), (4,)),
        ("cross_entropy", (5, 3), (5, 1)),
        ("cross_entropy", (5, 3), (3,)),
        ("nll", (5, 3), (5, 3)),
    ],
)
def test_nothing_is_broadcast(name, z_shape, t_shape):
    z, t = np.zeros(z_shape), np.zeros(t_shape, int)
    for call in (lambda: loss(name).validate(z_shape, t), lambda: loss(name)(np, z, t)):
        with pytest.raises(ValueError, match=f"^{name} targets of shape .*: expected ") as error:
            call()
        assert str(t_shape) in str(error.value)
        assert str(z_shape) in str(error.value)


def test_cross_entropy_needs_a_class():
    with pytest.raises(ValueError, match=r"needs one class or more, got logits of shape \(5, 0\)"):
        loss("cross_entropy").validate((5, 0), np.zeros(5, int))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("mse", (3,)), ("mse", (2, 5)), ("cross_entropy", (5, 2)), ("cross_entropy", ())],
)
def test_weights_of_another_shape_are_refused(name, shape):
    t = np.zeros(5, int) if name == "cross_entropy" else np.zeros((5, 2))
    with pytest.raises(
        ValueError, match=r"^sample_weight of shape .*: expected \(5,\) \(weights of"
    ):
        loss(name).validate((5, 2), t, np.ones(shape))


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_labels_must_be_integers(name):
    with pytest.raises(TypeError, match=r"integer dtype, got dtype float64; .*astype\(int\)"):
        loss(name).validate((2, 3), np.array([0.0, 1.0]))
    with pytest.raises(TypeError, match="integer dtype"):
        loss(name).validate((2, 3), np.array(["a", "b"]))
    loss(name).validate((2, 3), np.array([True, False]))


def test_targets_and_weights_must_be_real():
    with pytest.raises(TypeError, match="real numbers, got dtype complex128"):
        loss("mse").validate((2, 3), np.zeros((2, 3), complex))
    with pytest.raises(TypeError, match="sample_weight must be real numbers"):
        loss("mse").validate((2, 3), np.zeros((2, 3)), np.array(["1", "2"]))


def test_the_first_label_out_of_range_is_named():
    t = np.array([0, 2, 3, -1])
    with pytest.raises(ValueError, match=r"label 3 in row 2 is not a class; expected 0 to 2$"):
        loss("cross_entropy").validate((4, 3), t)
    with pytest.raises(ValueError, match=r"label -1 in row 3 .* 0 to 3 \(or 9, which is ignored\)"):
        loss("cross_entropy", ignore_index=9).validate((4, 4), t)
    with pytest.raises(ValueError, match="label 3 of the only row"):
        loss("cross_entropy").validate((3,), np.asarray(3))
    with pytest.raises(ValueError, match=r"label 5 at \(0, 1, 1\)"):
        loss("nll").validate((1, 2, 2, 3), np.array([[[0, 1], [2, 5]]]))


def test_the_first_probability_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"target 1.5 in row 1, column 0 .* expected \[0, 1\]"):
        loss("binary_cross_entropy").validate((2, 1), np.array([[1.0], [1.5]]))
    with pytest.raises(ValueError, match=r"target -0.5 in row 0, column 1"):
        loss("cross_entropy").validate((1, 2), np.array([[0.9, -0.5]]))
    with pytest.raises(ValueError, match=r"the probabilities in row 1 sum to 0.5; expected 1"):
        loss("cross_entropy").validate((2, 2), np.array([[0.5, 0.5], [0.25, 0.25]]))


@pytest.mark.parametrize("bad", [-0.5, np.nan, np.inf])
def test_the_first_bad_weight_is_named(bad):
    with pytest.raises(
        ValueError, match=f"sample_weight {bad} in row 1 must be finite and not neg"
    ):
        loss("mse").validate((3, 2), np.zeros((3, 2)), np.array([1.0, bad, 1.0]))


def test_weights_must_be_finite_in_the_dtype_they_came_in():
    weight = np.full(3, np.inf, np.float32)
    with pytest.raises(ValueError, match=r"sample_weight inf in row 0 .* in float32$"):
        loss("mse").validate((3, 2), np.zeros((3, 2)), weight)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cross_entropy", {"class_weight": [1e39, 1]}),
        ("cross_entropy", {"class_weight": {0: 1e39}}),
        ("binary_cross_entropy", {"pos_weight": 1e39}),
    ],
)
def test_weights_of_a_setting_must_be_finite_in_the_dtype_of_the_logits(name, settings):
    z = np.zeros((1, 2))
    t = np.zeros(1, int) if name == "cross_entropy" else z
    assert np.isfinite(loss(name, **settings)(np, z, t)[0])
    (setting,) = settings
    with pytest.raises(ValueError, match=f"{setting} 1e\\+39 is not finite in float32"):
        loss(name, **settings)(np, z.astype(np.float32), t)


@pytest.mark.parametrize("w", [1e-300, 1e-50, 1e38])
def test_class_weights_in_a_mean_are_known_by_their_ratios_alone(w, rng):
    z, t = rng.normal(size=(6, 3)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2])
    expected, dz_expected = loss("cross_entropy", class_weight=[1, 2, 3])(np, z, t)
    value, dz = loss("cross_entropy", class_weight=[w, 2 * w, 3 * w])(np, z, t)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(dz, dz_expected, rtol=1e-6)


def test_unfit_class_and_feature_weights_are_refused():
    labels = np.zeros(4, int)
    with pytest.raises(ValueError, match=r"class_weight has shape \(2,\), expected \(3,\)"):
        loss("nll", class_weight=[1, 2]).validate((4, 3), labels)
    with pytest.raises(ValueError, match="class_weight names class 3, but the classes are 0 to 2"):
        loss("nll", class_weight={3: 2}).validate((4, 3), labels)
    with pytest.raises(ValueError, match=r"pos_weight has shape \(2,\), expected one number or"):
        loss("binary_cross_entropy", pos_weight=[1, 2]).validate((4, 3), np.zeros((4, 3)))


def test_ignore_index_does_not_go_with_probabilities():
    with pytest.raises(
        ValueError, match=r"ignore_index=0 is a class label, but the targets .* prob"
    ):
        loss("cross_entropy", ignore_index=0).validate((1, 2), np.array([[0.5, 0.5]]))


def test_an_unknown_reduction_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown reduction 'avg'; known are mean, sum, none"):
        loss("mse").validate((1, 1), np.zeros((1, 1)), reduction="avg")


def test_no_warning_escapes_even_when_numpy_is_set_to_raise():
    big = np.finfo(np.float64).max
    z = np.array([[big, -big], [np.inf, 0], [np.nan, 1]])
    with np.errstate(all="raise"):
        for name in LOSSES:
            labels = loss(name).expects == "classes"
            t = np.array([1, 0, 0]) if labels else np.array([[0.0, 1], [0, 1], [1, 0]])
            loss(name).validate(z.shape, t)
            assert np.isnan(loss(name)(np, z, t)[0])


def half_square(z, t):
    return ((z - t) ** 2).mean() / 2, (z - t) / z.size


def test_a_loss_of_a_users_own_is_called_with_z_and_t(rng):
    own = loss(half_square)
    assert (own.name, own.expects, loss(own)) == ("half_square", "anything", own)
    z, t = rng.normal(size=(4, 2)).astype(np.float32), rng.normal(size=(4, 2))
    own.validate(z.shape, t)
    value, dz = own(np, z, t)
    assert (value.dtype, dz.dtype, value.shape) == (np.float32, np.float32, ())
    np.testing.assert_allclose(value, ((z - t) ** 2).mean() / 2, rtol=1e-6)


def test_a_loss_of_a_users_own_takes_no_options():
    z = np.zeros((4, 2))
    with pytest.raises(TypeError, match="half_square is a loss of your own; it takes no delta"):
        loss(half_square, delta=1)
    with pytest.raises(ValueError, match="takes no sample_weight"):
        loss(half_square).validate(z.shape, z, np.ones(4))
    with pytest.raises(ValueError, match="reduction='sum' cannot be applied"):
        loss(half_square)(np, z, z, reduction="sum")


@pytest.mark.parametrize("returned", [(np.zeros(4), np.zeros((4, 2))), (0.0, np.zeros((2, 4)))])
def test_a_loss_of_a_users_own_must_return_a_number_and_a_gradient(returned):
    z = np.zeros((4, 2))
    with pytest.raises(
        ValueError, match=r"the loss '<lambda>' returned .*; expected \(\) and \(4, 2\)"
    ):
        loss(lambda z, t: returned)(np, z, z)


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("softmax", "cross_entropy"),
        ("log_softmax", "cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
        ("identity", "mse"),
    ],
)
def test_each_output_has_its_loss(output, name):
    assert default_for_output(output) == loss(name)
    check_output(default_for_output(output), output)


def test_an_output_without_a_loss_says_so():
    with pytest.raises(ValueError, match="no loss belongs to output='tanh'; name one"):
        default_for_output("tanh")


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_suits_the_identity_and_logits(name):
    check_output(loss(name), "identity")


@pytest.mark.parametrize(
    ("name", "output", "instead"),
    [
        ("mse", "softmax", "output='identity', or loss='cross_entropy' with this output"),
        ("mae", "sigmoid", "output='identity', or loss='binary_cross_entropy' with this output"),
        ("huber", "log_softmax", "output='identity', or loss='cross_entropy'"),
        ("nll", "softmax", "output='identity', or loss='cross_entropy' with this output"),
        ("cross_entropy", "sigmoid", "output='softmax' or output='log_softmax' or output='iden"),
        ("binary_cross_entropy", "softmax", "output='sigmoid' or output='identity', or loss='cr"),
        ("mse", "tanh", "use output='identity'$"),
    ],
)
def test_a_loss_that_does_not_belong_to_the_output_says_what_does(name, output, instead):
    with pytest.raises(ValueError, match=f"does not belong to output='{output}'.*{instead}"):
        check_output(loss(name), output)


def test_a_loss_of_a_users_own_is_trusted_with_any_output():
    check_output(loss(half_square), "softmax")
