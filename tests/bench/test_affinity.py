"""Which CPUs a measurement stays on."""

import os

import pytest

from mlpcore.bench import affinity

needs_masks = pytest.mark.skipif(affinity.available() is None, reason="no affinity masks here")


@pytest.fixture
def four_cpus(monkeypatch):
    monkeypatch.setattr(affinity, "available", lambda: frozenset({0, 2, 3, 5}))


@pytest.mark.usefixtures("four_cpus")
@pytest.mark.parametrize(
    ("wanted", "threads", "cpus"),
    [
        ("auto", 1, {5}),
        ("auto", 2, None),
        ("none", 1, None),
        ("2", 1, {2}),
        ("0,3", 2, {0, 3}),
    ],
)
def test_one_thread_stays_on_one_cpu_unless_told_otherwise(wanted, threads, cpus):
    assert affinity.choose(wanted, threads) == cpus


@pytest.mark.usefixtures("four_cpus")
@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("first", "auto, none or numbers of CPUs such as 0,2, got 'first'"),
        ("", "got ''"),
        ("0,", "got '0,'"),
        ("-1", "got '-1'"),
        ("1", "no CPU 1 here; this process may use 0, 2, 3, 5"),
    ],
)
def test_what_is_no_cpu_of_ours_is_refused(wanted, message):
    with pytest.raises(ValueError, match=message):
        affinity.choose(wanted, 1)


def test_a_system_without_masks_pins_nothing_by_default(monkeypatch):
    monkeypatch.setattr(affinity, "available", lambda: None)
    assert affinity.choose("auto", 1) is None
    with pytest.raises(ValueError, match="cannot pin"):
        affinity.choose("0", 1)


@needs_masks
def test_the_mask_is_restored():
    before = os.sched_getaffinity(0)
    one = {max(before)}
    with affinity.pinned(one):
        assert affinity.available() == one
    assert os.sched_getaffinity(0) == before
    with affinity.pinned(None):
        assert os.sched_getaffinity(0) == before
