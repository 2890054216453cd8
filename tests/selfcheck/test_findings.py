"""A number within its bound passes; any other, and any other shape or bit, does not."""

import numpy as np
import pytest

from mlpcore.selfcheck.findings import Findings, WrongResultError


def test_the_worst_error_is_a_fraction_of_its_bound():
    findings = Findings()
    findings.within("z", [1.0, 2.5], [1.0, 2.0], [0.1, 1.0])
    findings.within("z", [3.0], [3.1], [1.0])
    assert findings.worst == pytest.approx(0.5)
    assert findings.compared == 3


@pytest.mark.parametrize(
    ("found", "exact", "bound"),
    [
        (1.2, 1.0, 0.1),
        (np.nan, 1.0, 0.1),
        (1.0, np.nan, 0.1),
        (np.inf, 1.0, 0.1),
        (np.inf, -np.inf, 0.1),
        (1.0, 1.0 + 1e-15, 0.0),
    ],
)
def test_what_is_off_by_more_is_an_error_that_names_the_place(found, exact, bound):
    with pytest.raises(WrongResultError, match=r"^dx at \[1, 0\]: .*, expected .* within"):
        Findings().within("dx", [[0.0], [found]], [[0.0], [exact]], bound)


def test_nan_and_infinities_are_right_where_they_are_expected():
    findings = Findings()
    findings.within("a", [np.nan, np.inf, 0.0], [np.nan, np.inf, 0.0], 0.0)
    assert findings.worst == 0


def test_another_shape_is_an_error():
    with pytest.raises(WrongResultError, match=r"shape \(2,\), expected \(1, 2\)"):
        Findings().within("z", [0.0, 0.0], [[0.0, 0.0]], 1.0)


def test_bits_are_told_apart_where_numbers_are_equal():
    zeros = np.zeros(3, np.float32)
    Findings().same_bits("z", zeros, zeros.copy())
    with pytest.raises(WrongResultError, match="3 of 3 numbers have other bits"):
        Findings().same_bits("z", zeros, -zeros)
    with pytest.raises(WrongResultError, match="float64"):
        Findings().same_bits("z", zeros.astype(np.float64), zeros)


def test_a_reason_is_kept_once():
    findings = Findings()
    for reason in ("no kernel", "refused", "no kernel"):
        findings.fell_back(reason)
    assert findings.reasons == ["no kernel", "refused"]
