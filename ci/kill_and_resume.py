"""Kill fits by SIGKILL at random times, N of them in all, and let them go on from checkpoints.

    PYTHONPATH=tests python ci/kill_and_resume.py [N [SEED]]

Ends with an error if a checkpoint is lost or damaged, or a fit ends otherwise than it would have
without interruption: parameters, statistics, history and log.
"""

import random
import sys
import tempfile
from pathlib import Path

from support.kills import SOURCES, Tally, kill_and_resume

KILLS = 200


def main(arguments):
    """Return nothing, or what is wrong."""
    kills = int(arguments[0]) if arguments else KILLS
    seed = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(2**32)
    print(f"{kills} kills, seed {seed}", flush=True)
    tally, run = Tally(), 0
    while tally.kills < kills:
        source = SOURCES[run % len(SOURCES)]
        with tempfile.TemporaryDirectory() as folder:
            try:
                kill_and_resume(Path(folder), source, kills, seed + run, tally)
            except AssertionError as error:
                return f"run {run} from {source}: {error}"
        run += 1
        print(
            f"{tally.kills} kills, {tally.in_a_write} of them in the middle of a write, "
            f"{tally.finished} fits at their end: nothing lost, all bits equal",
            flush=True,
        )
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
