"""Threads that run a kernel together with the thread that calls it.

A job is a kernel ``job(context, participant)`` that is right with any number of participants from 1
up, because it shares out its work while it runs (`board`).  `team_run` offers it to the workers of
a team, runs it as participant 0, and returns when every worker that came has left.  It never waits
for one that has not come: not for a worker that sleeps or was never started, not for threads that
a forked child does not have.  One job at a time is on offer; who finds the team busy runs alone.

The workers are threads of the C library that Python knows nothing of, so they hold no GIL and no
signal's handler runs in them.  A worker without a job looks for the next one for a while and then
sleeps on a condition variable until a job comes that is worth waking it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .codegen.atomics import Word, pause, wait_until, yield_processor
from .hiring import seat_of, write_dismiss, write_hire, write_wake
from .placement import processor, write_move_off
from .team_memory import HAS_THREADS, SeatWords, TeamWords

if TYPE_CHECKING:
    from .codegen.function import Function, Module, Variable
    from .codegen.values import Address, Int, Truth

EAGER_NS = 20_000
"""How long an idle worker looks for a job without letting other threads run, in nanoseconds."""

_LOOKS_PER_TURN = 32
_MOVE_NS = 1_000_000
_WAKING_TRIES = 64


def write_team(module: Module) -> None:
    """Write the kernels of a team into `module`.

    ``team_run(team, job, context, wanted, worth_waking)`` runs ``job(context, participant)`` on
    this thread and up to ``wanted - 1`` workers; participants are below ``wanted``, and worker i is
    participant i in each job.  ``worth_waking`` is 0 or 1.  ``team`` may be null.

    Where there are threads, also what `hiring` writes.
    """
    if HAS_THREADS:
        write_move_off(module)
        write_wake(module)
        _write_now(module)
        _write_sleep(module)
        _write_work(module)
        write_hire(module)
        write_dismiss(module)
    _write_run(module)


class _Gate:
    """The word through which workers enter a job.

    From the lowest bit: 16 bits count the workers inside, 16 are the number of participants wanted
    (0 when nobody more may enter), one says that a caller has the team, 31 number the job.
    """

    WANTED, BUSY, JOB = 16, 32, 33

    def __init__(self, team: Address) -> None:
        self.word = Word(team.ints(TeamWords.GATE))

    @staticmethod
    def number(word: Int) -> Int:
        job: Int = word >> _Gate.JOB
        return job

    @staticmethod
    def wanted(word: Int) -> Int:
        participants: Int = (word >> _Gate.WANTED) & 0xFFFF
        return participants

    @staticmethod
    def is_open_to(word: Int, worker: Int, seen: Int) -> Truth:
        """Return whether `worker`, who has seen the job `seen`, may enter."""
        may: Truth = (_Gate.wanted(word) > worker) & ~_Gate.number(word).equals(seen)
        return may


def _write_run(module: Module) -> None:
    kinds = ("address", "address", "address", "int", "int")
    with module.function("team_run", *kinds) as (f, team, job, context, wanted, worth_waking):
        alone = f.int(0)
        if HAS_THREADS:
            with f.when((wanted > 1) & ~team.as_int().equals(0)):
                _offer(f, team, job, context, wanted, worth_waking)
        f.call_at(job, context, alone)


def _offer(
    f: Function, team: Address, job: Address, context: Address, wanted: Int, worth_waking: Int
) -> None:
    """Run the job with the team and return from the kernel, unless the team is busy or empty."""
    gate = _Gate(team).word
    limit = wanted.min(Word(team.ints(TeamWords.WORKERS)).load() + 1)
    idle = gate.load("monotonic")
    free = (limit > 1) & (idle & (1 << _Gate.BUSY)).equals(0)
    with f.when(free), f.when(gate.replace(idle, idle | (1 << _Gate.BUSY))):
        team.store(job, TeamWords.JOB)
        team.store(context, TeamWords.CONTEXT)
        team.store(worth_waking, TeamWords.WORTH_WAKING)
        Word(team.ints(TeamWords.PROCESSOR)).store(processor(f))
        next_idle = idle + (1 << _Gate.JOB)
        # In one order with what a worker does that falls asleep: either it sees the job, or
        # this thread sees that it sleeps.
        gate.store(next_idle | (limit << _Gate.WANTED) | (1 << _Gate.BUSY), "seq_cst")
        _wake_children(f, team, f.int(0), limit, worth_waking)
        f.call_at(job, context, f.int(0))
        gate.keep(~(0xFFFF << _Gate.WANTED))
        wait_until(f, lambda: (gate.load() & 0xFFFF).equals(0))
        gate.store(next_idle)
        f.returns()


def _write_work(module: Module) -> None:
    """``team_work(seat)``: what a worker does until it is told to stop."""
    with module.function("team_work", "address", result="address") as (f, seat):
        team, number = seat.address(SeatWords.TEAM), seat.int(SeatWords.NUMBER)
        gate, stop = _Gate(team).word, Word(team.ints(TeamWords.STOP))
        clock, idle_ns = team.int(TeamWords.CLOCK), team.int(TeamWords.IDLE_NS)
        seen, looks = f.variable(f.int(-1)), f.variable(f.int(0))
        since, moved = f.variable(f.call("team_now", clock)), f.variable(f.int(0))
        with f.while_(lambda: stop.load().equals(0)):
            word = gate.load()
            with f.either(_Gate.is_open_to(word, number, seen.value)) as (mine, nothing):
                with mine:
                    _move_off(f, team, moved)
                    with f.when(gate.replace(word, word + 1)):
                        seen.value = _Gate.number(word)
                        worth_waking = team.int(TeamWords.WORTH_WAKING)
                        _wake_children(f, team, number, _Gate.wanted(word), worth_waking)
                        job, context = team.address(TeamWords.JOB), team.address(TeamWords.CONTEXT)
                        f.call_at(job, context, number)
                        gate.add(-1)
                        since.value = f.call("team_now", clock)
                with nothing:
                    pause(f)
                    looks.value = looks.value + 1
                    with f.when((looks.value & (_LOOKS_PER_TURN - 1)).equals(0)):
                        idle = f.call("team_now", clock) - since.value
                        with f.when(idle > EAGER_NS):
                            yield_processor(f)
                        with f.when(idle > idle_ns):
                            f.call("team_sleep", seat, seen.value)
                            since.value = f.call("team_now", clock)
        f.returns(seat)


def _move_off(f: Function, team: Address, moved: Variable[Int]) -> None:
    """Leave the processor of the caller, before entering its job so that it need not wait.

    With more threads than processors that cannot always be: not again within a while.
    """
    here = processor(f)
    caller = Word(team.ints(TeamWords.PROCESSOR)).load("monotonic")
    with f.when(here.equals(caller) & (here >= 0)):
        now = f.call("team_now", team.int(TeamWords.CLOCK))
        with f.when(now - moved.value > _MOVE_NS):
            f.call("move_off", here)
            moved.value = now


def _write_sleep(module: Module) -> None:
    """``team_sleep(seat, seen)``: sleep until woken, unless there is a job or the end."""
    with module.function("team_sleep", "address", "int", private=True) as (f, seat, seen):
        team, number = seat.address(SeatWords.TEAM), seat.int(SeatWords.NUMBER)
        asleep, mutex = Word(seat.ints(SeatWords.ASLEEP)), seat.ints(SeatWords.MUTEX)
        f.call_external("pthread_mutex_lock", mutex, result="int")
        asleep.store(f.int(1), "seq_cst")
        offered = _Gate.is_open_to(_Gate(team).word.load("seq_cst"), number, seen)
        stopped = Word(team.ints(TeamWords.STOP)).load("seq_cst") > 0
        with f.when(offered | stopped):
            asleep.store(f.int(0))
        with f.while_(lambda: asleep.load() > 0):
            condition = seat.ints(SeatWords.CONDITION)
            f.call_external("pthread_cond_wait", condition, mutex, result="int")
        f.call_external("pthread_mutex_unlock", mutex, result="int")


def _wake_children(f: Function, team: Address, number: Int, wanted: Int, worth: Int) -> None:
    """Wake workers 2 n + 1 and 2 n + 2, who wake others in turn: a call each takes microseconds."""
    with f.when(worth > 0):
        first = number * 2 + 1
        with f.loop(first, (first + 2).min(wanted)) as child:
            f.call("team_wake", seat_of(team, child), f.int(_WAKING_TRIES))


def _write_now(module: Module) -> None:
    """``team_now(clock)``: the time in nanoseconds."""
    with module.function("team_now", "int", result="int", private=True) as (f, clock):
        time = f.buffer(16)
        f.call_external("clock_gettime", clock, time, result="int")
        f.returns(time.int(0) * 1_000_000_000 + time.int(1))
