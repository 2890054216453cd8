"""The memory of a team of workers: zero at first, never freed, at a multiple of 128 bytes.

Positions count words of 8 bytes.
"""

import os

HAS_THREADS = os.name == "posix"
"""Whether there can be workers on this system; elsewhere every job runs on its caller alone."""

MOST_PARTICIPANTS = 256
"""The largest team, with the thread that calls."""


class TeamWords:
    """What all share: a line that is written for each job, and one that is hardly ever."""

    GATE = 0
    JOB = 1
    CONTEXT = 2
    WORTH_WAKING = 3
    PROCESSOR = 4
    """Where the caller runs."""

    IDLE_NS = 16
    """How long an idle worker looks for a job before it sleeps."""
    CLOCK = 17
    """The system's number of its monotonic clock."""
    STOP = 18
    """Whether the workers are to end."""
    WORKERS = 19
    """How many there are."""
    CHANGING = 20
    """Whether a thread hires or dismisses."""

    SEATS = 32
    """The `SeatWords` of worker 1, and on."""


class SeatWords:
    """What belongs to one worker.

    The mutex and the condition variable have 128 bytes each, where the C libraries of Linux and
    macOS need at most 64.
    """

    TEAM = 0
    NUMBER = 1
    THREAD = 2
    READY = 3
    """Whether the mutex and the condition variable were initialised."""
    ASLEEP = 8
    MUTEX = 16
    CONDITION = 32
    COUNT = 48


TEAM_BYTES = 8 * (TeamWords.SEATS + SeatWords.COUNT * (MOST_PARTICIPANTS - 1))
"""The size of the memory of a team."""
