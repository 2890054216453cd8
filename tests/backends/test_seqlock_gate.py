"""A reader that waits has its turn before the next write, however soon that comes."""

import threading
import time

from mlpcore.backends.seqlock import SequenceLock


def test_a_reader_waits_for_one_write_of_a_tight_loop():
    lock, done = SequenceLock(), threading.Event()

    def write():
        while not done.is_set():
            with lock.write():
                time.sleep(0.02)

    thread = threading.Thread(target=write)
    thread.start()
    waited = []
    while len(waited) < 20:
        asked = lock.sequence
        if asked % 2:  # in the middle of a write
            waited.append((lock.read(lambda: lock.sequence) - asked) // 2)
    done.set()
    thread.join(30)
    # The thread may lose the interpreter between the question and the gate, hence not every time.
    assert sorted(waited)[15] == 0


def test_what_a_signal_handler_writes_in_the_middle_of_a_read_makes_it_read_again():
    lock, seen = SequenceLock(), []

    def work():
        seen.append(lock.sequence)
        if len(seen) < 6:  # as a handler in this thread would, also when writers are held up
            with lock.write():
                pass
        return lock.sequence

    before = lock.read(work)
    assert before == seen[-1] == lock.sequence
    assert len(seen) == 6


def test_a_writer_that_reads_is_told_so_while_a_reader_waits_for_it():
    lock, entered, answers = SequenceLock(), threading.Event(), []

    def read():
        entered.wait(10)
        answers.append(lock.read(lambda: lock.sequence))

    thread = threading.Thread(target=read)
    thread.start()
    with lock.write():
        entered.set()
        time.sleep(0.1)  # now the other thread is at the gate
        for again in (lambda: lock.read(lambda: 1), lambda: lock.write().__enter__()):
            try:
                again()
            except RuntimeError as error:
                answers.append("written by this very thread" in str(error))
    thread.join(10)
    assert answers == [True, True, 2]
