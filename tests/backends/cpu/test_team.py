"""Workers are hired when needed; nothing hangs or crashes at a fork, an interrupt or the end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import team_cases

from mlpcore.backends.cpu.team import Team
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set
from mlpcore.kernels.cpu.team_memory import HAS_THREADS, MOST_PARTICIPANTS, TeamWords

pytestmark = pytest.mark.skipif(not HAS_THREADS, reason="there are no workers on this system")
compiled = pytest.mark.skipif(
    instruction_set() is None, reason="this processor has no fused multiply-add"
)

ROOT = Path(__file__).parents[3]


class FakeKernels:
    """The kernels of a system that gives at most so many threads; they start none."""

    def __init__(self, gives):
        self.gives, self.team = gives, None
        self.loads, self.hired, self.dismissed = 0, [], []

    def load(self):
        self.loads += 1
        return self

    def function(self, name):
        return {"team_hire": self.hire, "team_dismiss": self.dismiss}[name]

    def hire(self, address, workers, idle_ns, clock):
        assert (address, idle_ns) == (self.team.address, 200_000)
        self.hired.append(workers)
        if self.gives < 0:
            return -1
        self.team._workers.value = min(workers, self.gives)
        return self.team.workers

    def dismiss(self, address, forever):
        self.team._workers.value = 0
        self.dismissed.append(forever)


@pytest.fixture
def fake(monkeypatch):
    def make(gives):
        kernels = FakeKernels(gives)
        kernels.team = Team(kernels.load)
        made.append(kernels.team)
        return kernels

    made = []
    monkeypatch.setattr("atexit.register", lambda call: call)
    return make


def test_nothing_is_loaded_or_hired_for_a_caller_alone(fake):
    kernels = fake(7)
    assert kernels.team.ready_for(1) == kernels.team.address
    assert (kernels.loads, kernels.hired) == (0, [])


def test_workers_are_hired_when_more_are_wanted_than_ever_before(fake):
    kernels = fake(7)
    for participants in (2, 2, 4, 3, 1, 4):
        assert kernels.team.ready_for(participants) == kernels.team.address
    assert (kernels.loads, kernels.hired, kernels.team.workers) == (1, [1, 3], 3)


def test_a_system_that_gives_no_more_threads_is_asked_once(fake):
    kernels = fake(2)
    for participants in (6, 6, 8, 3):
        kernels.team.ready_for(participants)
    assert (kernels.hired, kernels.team.workers) == ([5], 2)


def test_a_thread_that_finds_another_one_hiring_asks_again_next_time(fake):
    kernels = fake(-1)
    kernels.team.ready_for(2)
    kernels.gives = 3
    kernels.team.ready_for(2)
    assert (kernels.hired, kernels.team.workers) == ([1, 1], 1)


def test_a_team_has_a_largest_size(fake):
    kernels = fake(10**6)
    kernels.team.ready_for(10**5)
    kernels.team.ready_for(10**6)
    assert kernels.hired == [MOST_PARTICIPANTS - 1]


def test_nobody_is_hired_after_the_end(fake):
    kernels = fake(7)
    kernels.team.ready_for(2)
    kernels.team._close()
    kernels.team.ready_for(4)
    assert (kernels.hired, kernels.dismissed) == ([1], [1])


def test_the_memory_begins_where_lines_of_the_cache_do(fake):
    assert fake(1).team.address % 128 == 0


def test_a_fork_ends_the_workers_and_clears_the_childs_memory(fake):
    kernels = fake(7)
    kernels.team.ready_for(3)
    kernels.team._before_fork()
    assert (kernels.dismissed, kernels.team.workers) == ([0], 0)
    kernels.team.ready_for(3)
    kernels.team._after_fork()
    assert kernels.team.workers == TeamWords.GATE == 0
    kernels.team.ready_for(2)
    assert kernels.hired == [2, 2, 1]


def run(name, timeout=60):
    return subprocess.run(
        [sys.executable, team_cases.__file__, name],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@compiled
@pytest.mark.parametrize("case", team_cases.CASES, ids=lambda case: case.__name__)
def test_in_a_process_of_its_own(case):
    if case in team_cases.LINUX_ONLY and sys.platform != "linux":
        pytest.skip("asks Linux about its threads")
    found = run(case.__name__)
    assert (found.returncode, found.stderr) == (0, "")


@compiled
def test_ctrl_c_ends_a_program_in_the_middle_of_a_job():
    found = run("ended_by_an_interrupt")
    # CPython ends itself by the signal; the number is what a shell would make of it.
    assert found.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert found.stderr.strip().endswith("KeyboardInterrupt")
