"""The watchdog, a thread that ends a job without progress: Horovod's own stall check does nothing under Gloo.

Each rank has one. It prints what its rank waits for and ends its process; the launcher then ends the other ranks.
"""

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, NoReturn

from distributed.errors import print_error_line

if TYPE_CHECKING:
    from distributed.monitor import Monitor

TICK = 0.5  # seconds between two checks
REPORT_SECONDS = 2.0  # until this process ends, for the other ranks' watchdogs: the launcher ends them with the first
BACKSTOP = 1.0  # seconds from the timeout to faulthandler's; shorter than REPORT_SECONDS


def watch(monitor: "Monitor") -> None:
    """End this process when no rank has progressed for `monitor.timeout` seconds. Returns where that becomes None.

    This thread cannot run while C code holds the interpreter's lock. faulthandler's thread, written in C, can: it
    prints the stacks and ends the process.
    """
    last = time.monotonic()
    while (timeout := monitor.timeout) is not None:
        faulthandler.dump_traceback_later(timeout + BACKSTOP, exit=True)
        if _is_asked_to_suspend():
            faulthandler.cancel_dump_traceback_later()  # its clock runs while this process is suspended
            os.kill(os.getpid(), signal.SIGSTOP)
        now = time.monotonic()
        monitor.elapse(min(now - last, 2 * TICK))  # the time in which this process was suspended does not count
        last = now
        if monitor.idle > timeout:
            _end(monitor, timeout)
    faulthandler.cancel_dump_traceback_later()


def main_stack() -> str:
    """The stack of the main thread."""
    return "".join(traceback.format_stack(sys._current_frames()[threading.main_thread().ident or 0]))


def _is_asked_to_suspend() -> bool:
    """Wait up to TICK for SIGTSTP. After a SIGSTOP and SIGCONT Python 3.11 returns what is no signal at all."""
    received = signal.sigtimedwait([signal.SIGTSTP], TICK)
    return received is not None and received.si_signo == signal.SIGTSTP


def _end(monitor: "Monitor", timeout: float) -> NoReturn:
    faulthandler.dump_traceback_later(2 * REPORT_SECONDS, exit=True)  # the screen or the disk can hang as well
    at = f" at step {monitor.position.step}" if monitor.position else ""
    reason = f"no progress for {timeout:g} s{at}, waiting for {monitor.waiting_for}"
    stack = main_stack()
    print_error_line(f"error: {monitor.place}: {reason} ({monitor.option})\n{stack.rstrip()}")
    threading.Thread(target=monitor.record_failure, args=(reason, 1, stack), daemon=True).start()
    time.sleep(REPORT_SECONDS)
    os._exit(1)
