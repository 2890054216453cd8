"""Losses by name: targets and weights that do not fit are refused, and the first is named."""

import numpy as np
import pytest

from mlpcore.nn.losses import loss


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


@pytest.mark.parametrize("t", [np.array([[0, 2], [-1, 3]]), np.array([[0, 2], [-0.5, 3]])])
def test_a_negative_count_is_refused_by_its_place(t):
    with pytest.raises(ValueError, match=r"poisson: target -(1|0\.5) in row 1, column 0 is neg"):
        loss("poisson").validate((2, 2), t)
    loss("poisson").validate((2, 2), abs(t))
