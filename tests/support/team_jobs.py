"""Jobs for a worker team whose results tell what ran when, and a team to run them."""

import functools
import threading
import time

import numpy as np

from mlpcore.backends.cpu.team import Team
from mlpcore.kernels.cpu.board import Board, board_bytes
from mlpcore.kernels.cpu.codegen.atomics import Word
from mlpcore.kernels.cpu.codegen.function import Module
from mlpcore.kernels.cpu.codegen.instruction_set import instruction_set
from mlpcore.kernels.cpu.codegen.object_code import object_code
from mlpcore.kernels.cpu.team import write_team
from mlpcore.kernels.cpu.units import load_unit

BOARD, SHARES, PHASES, COUNT, WORK, RUNS, SUMS, PRESENT, SINK = range(9)
"""What a job is told, in 64-bit words."""


def write_jobs(module):
    """Write `tally`, the job, and `run_tally(team, context, wanted, worth_waking)`."""
    with module.function("tally", "address", "int", private=True) as (f, context, participant):
        board = Board(context.address(BOARD), context.int(SHARES))
        count, runs = context.int(COUNT), context.address(RUNS)
        sums, sink = context.address(SUMS), context.address(SINK)
        Word(context.address(PRESENT).ints(participant)).add(1)
        with f.loop(0, context.int(PHASES)) as phase:
            with board.tasks(phase, count, participant) as task:
                Word(runs.ints(phase * count + task)).add(1)
                # 1 and all that the phase before wrote: wrong if a task of it is not done.
                total = f.variable(f.int(1))
                with f.when(phase > 0), f.loop(0, count) as other:
                    total.value = total.value + sums.int((phase - 1) * count + other)
                # Task 0 takes the longest, the last one the least.
                with f.loop(0, context.int(WORK) * (count - task) * (count - task)):
                    Word(sink.ints(0)).load("seq_cst")
                sums.store(total.value, phase * count + task)
            board.wait(phase, count)
    kinds = ("address", "address", "int", "int")
    with module.function("run_tally", *kinds) as (f, team, context, wanted, worth_waking):
        board = Board(context.address(BOARD), context.int(SHARES))
        board.clear(context.int(PHASES))
        f.call("team_run", team, f.address_of("tally"), context, wanted, worth_waking)


def write(module):
    write_team(module)
    write_jobs(module)


@functools.cache
def kernels():
    """Return the kernels of a team and `run_tally`, compiled once."""
    isa = instruction_set()
    module = Module(isa, "float32")
    write(module)
    return load_unit(object_code(module), isa, "float32")


@functools.cache
def team():
    """Return a team of this process."""
    return Team(kernels)


class Tally:
    """A job of `phases` phases with `count` tasks each."""

    def __init__(self, phases, count, wanted, *, work=0):
        self.phases, self.count, self.wanted = phases, count, wanted
        self.runs = np.zeros((phases, count), dtype=np.int64)
        self.sums = np.zeros((phases, count), dtype=np.int64)
        self.present = np.zeros(wanted, dtype=np.int64)
        self._board = np.zeros(board_bytes(phases, wanted) // 8 + 8, dtype=np.int64)
        self._sink = np.zeros(1, dtype=np.int64)
        start = -self._board.ctypes.data % 64 // 8
        places = [a.ctypes.data for a in (self.runs, self.sums, self.present, self._sink)]
        board = self._board[start:].ctypes.data
        self._told = np.array([board, wanted, phases, count, work, *places], dtype=np.int64)
        self.context = self._told.ctypes.data

    def run(self, times=1, *, worth_waking=True):
        """Run it, with what `team` can offer."""
        function = kernels().function("run_tally")
        for _ in range(times):
            self.sums[...] = 0
            address = team().ready_for(self.wanted)
            function(address, self.context, self.wanted, int(worth_waking))

    def check(self, times=1):
        """Assert that each task ran once each time, and after all of the phase before."""
        assert (self.runs == times).all()
        expected = 0
        for sums in self.sums:
            expected = (1 + self.count * expected) % 2**64
            assert (sums.astype(np.uint64) == expected).all()
        assert self.present[0] == times
        assert (self.present <= times).all()


def seconds_of_work(seconds, wanted=2, count=4):
    """Return a job that takes a caller alone about `seconds`."""
    work = 1000
    while True:
        job = Tally(1, count, 1, work=work)
        start = time.perf_counter()
        job.run()
        took = time.perf_counter() - start
        if took > 0.002:
            return Tally(1, count, wanted, work=max(1, round(work * seconds / took)))
        work *= 4


def in_threads(number, call):
    """Run ``call(i)`` in `number` threads at once; return what they raised."""
    errors = []

    def guarded(i):
        try:
            call(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
