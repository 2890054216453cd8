"""Neither a fork nor an interrupt comes in the middle of an import that was put off."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from mlpcore.backends.lazy_imports import importing


def test_an_interrupt_waits_for_the_end_of_the_import():
    reached = []

    def work():
        with importing():
            os.kill(os.getpid(), signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_can_import_what_another_thread_of_its_parent_was_importing(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.5)\nvalue = 7\n")
    program = """
        import os, signal, sys, threading, time, warnings
        from mlpcore.backends.lazy_imports import importing

        def work():
            with importing():
                import slow
            return slow.value

        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.2)
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            os._exit(work())
        thread.join()
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        timeout=60,
        check=False,
    )
    assert found.returncode == 7
