"""Starting the workers of a team, waking them, and letting them go."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from .codegen.atomics import Word, pause, wait_until
from .codegen.values import POINTER, Address
from .team_memory import SeatWords, TeamWords

if TYPE_CHECKING:
    from .codegen.function import Function, Module
    from .codegen.values import Int

_STACK_BYTES = 1 << 20
_SIGNAL_SET_BYTES = 128
_ATTRIBUTES_BYTES = 128
_C_INT = (1 << 32) - 1


def seat_of(team: Address, worker: Any) -> Address:
    """Return the address of the `SeatWords` of a worker, counted from 1."""
    return team.ints(TeamWords.SEATS - SeatWords.COUNT + worker * SeatWords.COUNT)


def write_wake(module: Module) -> None:
    """Write ``team_wake(seat, tries)``: wake the worker if it sleeps and its mutex can be had soon.

    The thread that wakes must not be held up by one that lost its processor while it had the mutex.
    """
    with module.function("team_wake", "address", "int", private=True) as (f, seat, tries):
        asleep, mutex = Word(seat.ints(SeatWords.ASLEEP)), seat.ints(SeatWords.MUTEX)
        left = f.variable(asleep.load("seq_cst") * tries)
        with f.while_(lambda: left.value > 0):
            failed = f.call_external("pthread_mutex_trylock", mutex, result="int") & _C_INT
            left.value = left.value - 1
            with f.either(failed.equals(0)) as (held, elsewhere):
                with held:
                    asleep.store(f.int(0))
                    f.call_external("pthread_mutex_unlock", mutex, result="int")
                    condition = seat.ints(SeatWords.CONDITION)
                    f.call_external("pthread_cond_signal", condition, result="int")
                    left.value = f.int(0)
                with elsewhere:
                    pause(f)


def write_hire(module: Module) -> None:
    """Write ``team_hire(team, workers, idle_ns, clock)``: let there be so many workers.

    It returns how many there are then: fewer than asked for if the system gives no more threads, -1
    if another thread is hiring or dismissing.  ``idle_ns`` is how long they look for a job before
    they sleep, ``clock`` the system's number of its monotonic clock.
    """
    kinds = ("address", "int", "int", "int")
    with module.function("team_hire", *kinds, result="int") as (f, team, workers, idle_ns, clock):
        changing, count = Word(team.ints(TeamWords.CHANGING)), Word(team.ints(TeamWords.WORKERS))
        with f.when(~changing.replace(f.int(0), f.int(1))):
            f.returns(f.int(-1))
        team.store(idle_ns, TeamWords.IDLE_NS)
        team.store(clock, TeamWords.CLOCK)
        before, attributes = f.buffer(_SIGNAL_SET_BYTES), f.buffer(_ATTRIBUTES_BYTES)
        _block_signals(f, before)
        f.call_external("pthread_attr_init", attributes, result="int")
        f.call_external("pthread_attr_setstacksize", attributes, f.int(_STACK_BYTES), result="int")
        refused = f.variable(Word(team.ints(TeamWords.STOP)).load())
        with f.while_(lambda: refused.value.equals(0) & (count.load() < workers)):
            number = count.load() + 1
            seat = seat_of(team, number)
            _prepare(f, seat, team, number)
            place, work = seat.ints(SeatWords.THREAD), f.address_of("team_work")
            arguments = (place, attributes, work, seat)
            refused.value = f.call_external("pthread_create", *arguments, result="int") & _C_INT
            with f.when(refused.value.equals(0)):
                count.store(number)
        f.call_external("pthread_attr_destroy", attributes, result="int")
        how = f.int(signal.SIG_SETMASK)
        f.call_external("pthread_sigmask", how, before, _null(f), result="int")
        changing.store(0)
        f.returns(count.load())


def _prepare(f: Function, seat: Address, team: Address, number: Int) -> None:
    seat.store(team, SeatWords.TEAM)
    seat.store(number, SeatWords.NUMBER)
    # Once: a thread that offers a job may be about to wake the one who sat here before.
    with f.when(seat.int(SeatWords.READY).equals(0)):
        mutex, condition = seat.ints(SeatWords.MUTEX), seat.ints(SeatWords.CONDITION)
        f.call_external("pthread_mutex_init", mutex, _null(f), result="int")
        f.call_external("pthread_cond_init", condition, _null(f), result="int")
        seat.store(f.int(1), SeatWords.READY)


def _block_signals(f: Function, before: Address) -> None:
    """Block signals, as the threads that now start inherit it, and keep the mask in `before`.

    Whoever waits in a system call or handles signals in Python's main thread must get them.  Those
    that an instruction raises stay: blocked, they would end the process without a word.
    """
    blocked = f.buffer(_SIGNAL_SET_BYTES)
    f.call_external("sigfillset", blocked, result="int")
    for raised in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT):
        f.call_external("sigdelset", blocked, f.int(raised), result="int")
    how = f.int(signal.SIG_SETMASK)
    f.call_external("pthread_sigmask", how, blocked, before, result="int")


def write_dismiss(module: Module) -> None:
    """Write ``team_dismiss(team, forever)``: let the workers end, each after its job, and wait.

    ``forever`` is 0 or 1, after which no more can be hired.
    """
    with module.function("team_dismiss", "address", "int") as (f, team, forever):
        changing, stop = Word(team.ints(TeamWords.CHANGING)), Word(team.ints(TeamWords.STOP))
        wait_until(f, lambda: changing.replace(f.int(0), f.int(1)))
        stop.store(1, "seq_cst")
        count = Word(team.ints(TeamWords.WORKERS))
        last = count.load() + 1
        with f.loop(1, last) as number:
            f.call("team_wake", seat_of(team, number), f.int(1 << 62))
        with f.loop(1, last) as number:
            thread = seat_of(team, number).address(SeatWords.THREAD)
            f.call_external("pthread_join", thread, _null(f), result="int")
        count.store(0)
        stop.store(forever)
        changing.store(0)


def _null(f: Function) -> Address:
    return Address(f, ir.Constant(POINTER, None))
