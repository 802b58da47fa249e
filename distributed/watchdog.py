"""Ending a job that no longer moves: Horovod's own stall check is dead under Gloo, and a stopped rank sends nothing."""

import os
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, NoReturn

from distributed.lines import print_error_line

if TYPE_CHECKING:
    from distributed.world import World

TICK = 0.5  # seconds between two checks
LAST_WORDS = 2.0  # seconds for the other ranks' reports: the launcher ends them when the first has ended


class Watchdog:
    """A thread that ends this process when `heartbeat` was not called for `timeout` seconds.

    Each rank has its own. The ranks that wait for a lost one say what they wait for; the launcher then ends the rest.
    """

    def __init__(self, world: "World", timeout: float) -> None:
        self.world, self.timeout = world, timeout
        self.waiting_for, self.idle = "the first step", 0.0
        self.main_thread = threading.get_ident()
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()

    def heartbeat(self, waiting_for: str) -> None:
        """Tell that the run moves, and what it waits for next."""
        self.waiting_for, self.idle = waiting_for, 0.0

    def _watch(self) -> None:
        last = time.monotonic()
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            self.idle += min(now - last, 2 * TICK)  # the time that this process itself was stopped does not count
            last = now
            if self.idle > self.timeout:
                self._end()

    def _end(self) -> NoReturn:
        frame = sys._current_frames()[self.main_thread]
        world = self.world
        at = f"at step {world.reached[2]}" if world.reached else "before the first step"
        print_error_line(
            f"error: rank {world.rank} of {world.size} on {world.host}: no progress for {self.timeout:g} s {at}, "
            f"waiting for {self.waiting_for}; another rank is lost or stopped (--stall-timeout)\n"
            + "".join(traceback.format_stack(frame)).rstrip()
        )
        time.sleep(LAST_WORDS)
        os._exit(1)
