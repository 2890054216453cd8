"""What a worker team must survive, each as a function to run in a process of its own.

``python tests/support/team_cases.py NAME`` runs one and exits 0 if it holds.  Where it does not,
the process may hang or crash, so whoever starts it sets a limit.
"""

import atexit
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
import warnings

from support.team_jobs import Tally, in_threads, seconds_of_work, team

HERE = os.getpid()


def jobs_are_right():
    """Some jobs that need all phases and tasks run with two threads."""
    job = Tally(5, 7, 2)
    job.run(50)
    job.check(50)


def threads_here():
    return {int(name) for name in os.listdir("/proc/self/task")}


def started_by(call):
    """Return the system's numbers of the threads that `call` started and left."""
    before = threads_here()
    call()
    return threads_here() - before


def wait_for(pid):
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def in_child(work):
    """Run `work` in a forked child, which then exits as any program does."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        work()
        sys.exit(0)
    wait_for(pid)


def exits_while_workers_look_for_work():
    jobs_are_right()


def exits_while_workers_sleep():
    jobs_are_right()
    time.sleep(0.05)


def exits_in_a_job():
    """A daemon thread is in a job, with the workers, when the interpreter exits."""
    job = seconds_of_work(0.2)
    started = threading.Event()

    def work():
        started.set()
        while True:
            job.run()

    threading.Thread(target=work, daemon=True).start()
    started.wait()
    time.sleep(0.05)


def jobs_after_the_workers_have_gone():
    """What other libraries do at exit may still use the team."""

    @atexit.register  # called after those that are registered later
    def late():
        try:
            assert team().workers == 0
            Tally(1, 1, 4).run()
            jobs_are_right()
            assert team().workers == 0
        except BaseException:
            os._exit(3)

    jobs_are_right()


def interrupted_in_a_job():
    """Ctrl-C waits for the job to end and leaves a team that works."""
    job = seconds_of_work(0.5)
    job.run()
    threading.Timer(0.1, lambda: os.kill(HERE, signal.SIGINT)).start()
    try:
        job.run()
        time.sleep(10)
    except KeyboardInterrupt:
        job.check(2)
    else:
        raise AssertionError("not interrupted")
    jobs_are_right()


def ended_by_an_interrupt():
    """Ctrl-C that nobody catches ends the program in a job."""
    job = seconds_of_work(0.3)
    threading.Timer(0.1, lambda: os.kill(HERE, signal.SIGINT)).start()
    while True:
        job.run()


def signals_reach_python_alone():
    """Workers block what a program handles, but not what an instruction raises."""
    (worker,) = started_by(jobs_are_right)

    def blocks(number):
        with open(f"/proc/self/task/{worker}/status") as file:
            (line,) = [line for line in file if line.startswith("SigBlk")]
        return bool(int(line.split()[1], 16) >> (number - 1) & 1)

    end = time.monotonic() + 10  # while a thread starts, the C library blocks everything
    while blocks(signal.SIGSEGV) and time.monotonic() < end:
        time.sleep(0.001)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1, signal.SIGCHLD):
        assert blocks(number)
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
        assert not blocks(number)
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


def forked_before_first_use():
    in_child(jobs_are_right)
    jobs_are_right()


def forked_after_first_use():
    """The child has a team of its own, and so have its children."""
    jobs_are_right()
    in_child(lambda: (jobs_are_right(), in_child(jobs_are_right)))
    jobs_are_right()
    assert team().workers == 1


def forked_while_workers_sleep():
    jobs_are_right()
    time.sleep(0.05)
    in_child(jobs_are_right)
    jobs_are_right()


def forked_in_a_job():
    """Another thread is in the middle of a job when the process forks."""
    job, stop = seconds_of_work(0.01), threading.Event()
    runs = []

    def work():
        while not stop.is_set():
            job.run()
            runs.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a Python thread does exist
        for _ in range(8):
            in_child(jobs_are_right)
    stop.set()
    thread.join()
    job.check(len(runs))


def forked_without_pythons_knowledge():
    """A fork that runs none of Python's hooks leaves a team that looks as if it had workers."""
    import ctypes

    jobs_are_right()
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        signal.alarm(30)
        jobs_are_right()
        os._exit(0)
    wait_for(pid)


def forking_is_no_cause_for_a_warning():
    jobs_are_right()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        in_child(jobs_are_right)


def pools_of_processes():
    for method in ("fork", "spawn"):
        jobs_are_right()
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            pool.starmap(jobs_are_right, [()] * 6)
    jobs_are_right()


def idle_workers_use_no_time():
    """After the time that is stated, nothing runs."""
    Tally(2, 8, 4).run(10)
    time.sleep(0.3)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.005


def affinity_stays_as_it_was():
    """A worker that made room for the caller may still run wherever the process may."""
    (worker,) = started_by(jobs_are_right)
    job = seconds_of_work(0.01)
    for _ in range(20):
        job.run()
        time.sleep(0.002)
        end = time.monotonic() + 10  # it may be moving at this moment
        while os.sched_getaffinity(worker) != os.sched_getaffinity(0):
            assert time.monotonic() < end


def many_threads_call():
    """Each of eight threads has jobs of its own, while some hire more workers."""

    def call(i):
        job = Tally(1 + i % 4, 3 + 5 * i, 1 + i % 4)
        for _ in range(10):
            job.run(30)
            time.sleep(0.0005)
        job.check(300)

    assert in_threads(8, call) == []


def more_threads_than_processors():
    job = Tally(20, 16, 8, work=2)
    job.run(100)
    job.check(100)
    assert team().workers == 7


def on_one_processor():
    """Who waits lets those run whom it waits for: not half of the time goes into waiting."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    together, alone = (Tally(200, 8, wanted, work=400) for wanted in (4, 1))
    seconds = {together: [], alone: []}
    for _ in range(11):
        for job, took in seconds.items():
            start = time.process_time()  # of all threads, and not of other programs
            job.run()
            took.append(time.process_time() - start)
    together.check(11)
    assert together.present[1:].sum() > 0
    assert statistics.median(seconds[together]) < 2 * statistics.median(seconds[alone])


def loads_no_openmp():
    jobs_are_right()
    with open("/proc/self/maps") as file:
        libraries = file.read()
    assert not any(name in libraries for name in ("libgomp", "libomp", "libiomp", "libtbb"))


LINUX_ONLY = (
    signals_reach_python_alone,
    idle_workers_use_no_time,
    affinity_stays_as_it_was,
    on_one_processor,
    loads_no_openmp,
)
CASES = (
    exits_while_workers_look_for_work,
    exits_while_workers_sleep,
    exits_in_a_job,
    jobs_after_the_workers_have_gone,
    interrupted_in_a_job,
    forked_before_first_use,
    forked_after_first_use,
    forked_while_workers_sleep,
    forked_in_a_job,
    forked_without_pythons_knowledge,
    forking_is_no_cause_for_a_warning,
    pools_of_processes,
    many_threads_call,
    more_threads_than_processors,
    *LINUX_ONLY,
)

if __name__ == "__main__":
    {case.__name__: case for case in (*CASES, ended_by_an_interrupt)}[sys.argv[1]]()
