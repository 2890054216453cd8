"""A job that a team runs is whole, however many take part, and whenever they come."""

import time

import pytest
from support import team_jobs
from support.team_jobs import Tally, in_threads, kernels, seconds_of_work, team

from mlpcore.kernels.cpu.codegen.function import Module
from mlpcore.kernels.cpu.codegen.instruction_set import (
    INSTRUCTION_SETS,
    instruction_set,
)
from mlpcore.kernels.cpu.codegen.object_code import compile_module
from mlpcore.kernels.cpu.team_memory import HAS_THREADS

pytestmark = pytest.mark.skipif(
    instruction_set() is None, reason="this processor has no fused multiply-add"
)
with_threads = pytest.mark.skipif(not HAS_THREADS, reason="there are no workers on this system")


@pytest.mark.parametrize("wanted", [1, 2, 4])
@pytest.mark.parametrize(
    ("phases", "count"), [(1, 1), (1, 2), (1, 7), (2, 1), (5, 2), (3, 3), (30, 4), (2, 300), (0, 5)]
)
def test_each_task_runs_once_and_after_the_phase_before(phases, count, wanted):
    job = Tally(phases, count, wanted)
    job.run(300)
    job.check(300)


@pytest.mark.parametrize("count", [0, 1])
def test_a_phase_may_have_no_tasks_or_fewer_than_there_are_participants(count):
    job = Tally(4, count, 4)
    job.run(50)
    job.check(50)


def test_tasks_may_take_very_different_times():
    job = Tally(3, 9, 4, work=100)
    job.run(50)
    job.check(50)


def test_jobs_after_pauses_in_which_the_workers_fall_asleep():
    job = Tally(3, 4, 3, work=10)
    for i in range(100):
        job.run()
        time.sleep(0.0001 * (i % 5))
    job.check(100)


@with_threads
def test_a_job_that_is_long_enough_is_shared():
    """Two seconds in all: a machine that has two processors has them both at some time."""
    job = seconds_of_work(0.02)
    for _ in range(100):
        job.run()
        if job.present[1]:
            return
    pytest.fail("no worker ever came")


@with_threads
def test_a_sleeping_worker_is_woken_for_a_job_that_is_worth_it():
    job = seconds_of_work(0.02)
    for _ in range(50):
        before = job.present[1]
        time.sleep(0.01)  # asleep after a fiftieth of that
        job.run()
        if job.present[1] > before > 0:
            return
    pytest.fail("no worker was woken")


@with_threads
def test_a_sleeping_worker_is_left_asleep_by_one_that_is_not():
    job = seconds_of_work(0.005)
    job.run()
    time.sleep(0.1)
    before = job.present[1]
    for _ in range(10):
        job.run(worth_waking=False)
    assert job.present[1] == before


def test_without_a_team_the_caller_runs_alone():
    job = Tally(3, 4, 2)
    kernels().function("run_tally")(0, job.context, 2, 1)
    job.check(1)
    assert job.present.tolist() == [1, 0]


def test_two_callers_at_once():
    jobs = [seconds_of_work(0.05), seconds_of_work(0.05)]
    assert in_threads(2, lambda i: jobs[i].run(5)) == []
    for job in jobs:
        job.check(5)


def test_who_finds_the_team_busy_runs_alone():
    """Also if it wants workers that the other job does not."""
    long, short = seconds_of_work(0.5, wanted=2), seconds_of_work(0.01, wanted=4)
    short.run()  # so that the workers are there
    alone = []

    def call(i):
        if i == 0:
            long.run()
            return
        while not long.present[0]:
            time.sleep(0.001)
        while not long.sums.all():
            before = short.present[1:].copy()
            short.run()
            alone.append((short.present[1:] == before).all())

    assert in_threads(2, call) == []
    assert all(alone[:-1])  # at the end of the last one the team may be free
    assert len(alone) > 1
    long.check()


@with_threads
def test_workers_can_be_dismissed_and_hired_again():
    job = Tally(3, 5, 3)
    for i in range(20):
        kernels().function("team_dismiss")(team().address, 0)
        assert team().workers == 0
        job.run()
        assert team().workers == 2
        job.check(i + 1)


@pytest.mark.parametrize("isa", INSTRUCTION_SETS.values(), ids=lambda isa: isa.name)
def test_compiles_for_every_instruction_set(isa):
    module = Module(isa, "float64")
    team_jobs.write(module)
    assert compile_module(module)
