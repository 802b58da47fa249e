"""Ending a job that no longer moves, from its first line to its last: Horovod's own stall check is dead under Gloo."""

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from distributed.errors import print_error_line

if TYPE_CHECKING:
    from distributed.world import World

TICK = 0.5  # seconds between two checks
REPORT_SECONDS = 2.0  # seconds for the other ranks' reports: the launcher ends them when the first has ended
BACKSTOP = 1.0  # seconds after the timeout, and before the other ranks have ended
HEARTBEAT_SECONDS = 5.0  # seconds, at most, between two words to the other ranks that this one moves


class Watchdog:
    """A thread that ends this process when no rank has called `heartbeat` for `timeout` seconds.

    Each rank has its own. The ranks that wait for a lost one say what they wait for; the launcher then ends the rest.
    Where C code holds the interpreter's lock, the thread cannot run: faulthandler's, which is written in C, then ends
    the process with the stacks alone. `option` is what sets the timeout.
    """

    def __init__(self, timeout: float, option: str) -> None:
        self.timeout, self.option = timeout, option
        self.rank, self.size = 0, 1  # as the launcher says
        self.world: World | None = None  # once there is one
        self.waiting_for, self.has_moved, self.idle = "the start", False, 0.0
        self.heard: deque[float] = deque()  # how many seconds ago other ranks moved
        self.tell_ranks: Callable[[float], None] | None = None  # how many seconds ago any rank moved, as known here
        self.is_off = False
        # Blocked in this thread and in all that it starts, so that `_watch` takes it.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP])
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()

    def heartbeat(self, waiting_for: str) -> None:
        """Tell that this process moves, and what it waits for next."""
        self.waiting_for, self.has_moved = waiting_for, True

    def stop(self) -> None:
        """Watch no longer: a person is at a breakpoint. The main thread calls it."""
        self.is_off = True
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])

    def _watch(self) -> None:
        last = told = time.monotonic()
        while not self.is_off:
            faulthandler.dump_traceback_later(self.timeout + BACKSTOP, exit=True)
            if self._is_asked_to_suspend():
                faulthandler.cancel_dump_traceback_later()  # its clock goes on while this process is suspended
                os.kill(os.getpid(), signal.SIGSTOP)
            now = time.monotonic()
            self._count(min(now - last, 2 * TICK))  # the time that this process itself was stopped does not count
            last = now
            if now - told >= min(HEARTBEAT_SECONDS, self.timeout / 6):
                if self.tell_ranks and self.idle < now - told:
                    self.tell_ranks(self.idle)
                told = now
            if self.idle > self.timeout:
                self._end()
        faulthandler.cancel_dump_traceback_later()

    def _is_asked_to_suspend(self) -> bool:
        """Wait up to TICK for SIGTSTP. Going on after a SIGSTOP makes Python 3.11 return what is no signal at all."""
        told = signal.sigtimedwait([signal.SIGTSTP], TICK)
        return told is not None and told.si_signo == signal.SIGTSTP

    def _count(self, seconds: float) -> None:
        """Take in the heartbeats of the last `seconds`."""
        self.idle = 0.0 if self.has_moved else self.idle + seconds
        self.has_moved = False
        while self.heard:
            self.idle = min(self.idle, max(0.0, self.heard.popleft()))

    def _end(self) -> NoReturn:
        faulthandler.dump_traceback_later(2 * REPORT_SECONDS, exit=True)  # the screen or the disk can hang as well
        world = self.world
        at = f" at step {world.position.step}" if world and world.position else ""
        reason = f"no progress for {self.timeout:g} s{at}, waiting for {self.waiting_for}"
        stack = main_stack()
        place = f"rank {self.rank} of {self.size} on {os.uname().nodename}"
        print_error_line(f"error: {place}: {reason} ({self.option})\n{stack.rstrip()}")
        if world:
            arguments = (reason, 1, stack)
            threading.Thread(target=world.record_failure, args=arguments, daemon=True).start()
        time.sleep(REPORT_SECONDS)
        os._exit(1)


def main_stack() -> str:
    """Where the main thread of this process is."""
    return "".join(traceback.format_stack(sys._current_frames()[threading.main_thread().ident or 0]))
