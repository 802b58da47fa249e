"""The monitor of a rank: whether it progresses, what it waits for, which step it takes, how it failed."""

import signal
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from ctypes import Array, c_uint64
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from distributed import failure
from distributed.watchdog import watch

MAX_STACK = 1 << 15  # characters of a stack in failure.json


class Position(NamedTuple):
    """The end of a step: `images_done` images of `epoch`, `step` steps of the whole run."""

    epoch: int
    images_done: int
    step: int


class Monitor:
    """The progress of this rank and, as far as they report it, of the others.

    The main thread calls most methods. The watchdog and the failure detector, which are threads, read the members and
    call `elapse`, `add_report` and `record_failure`.
    """

    def __init__(self, rank: int = 0, size: int = 1, host: str = "") -> None:
        self.rank, self.size, self.host = rank, size, host or socket.gethostname()
        self.timeout: float | None = None  # seconds without progress of any rank until the watchdog ends this process
        self.option = ""  # which sets the timeout
        self.waiting_for = "the start"
        self.idle = 0.0  # seconds since any rank progressed, as far as this rank knows
        self.may_exit = False  # is the end of another rank no failure from now on?
        self._has_progressed = False  # since the last `elapse`
        self._reports: deque[float] = deque()  # seconds since another rank progressed
        self._position: list[int] | Array[c_uint64] = [0, 0, 0]
        self._failures_to: Path | None = None
        self._began = time.time()

    @property
    def place(self) -> str:
        """This rank with its world and host, as messages name it."""
        return f"rank {self.rank} of {self.size} on {self.host}"

    @property
    def position(self) -> Position | None:
        """The Position that the current step leads to; None before the first step."""
        return Position(*self._position) if any(self._position) else None

    def watch(self, timeout: float, option: str) -> None:
        """Start a watchdog with `timeout` in seconds, which `option` sets. Called once, by the main thread."""
        self.timeout, self.option = timeout, option
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP])  # in all threads, so that the watchdog receives it
        threading.Thread(target=watch, args=(self,), daemon=True, name="watchdog").start()

    def configure(self, timeout: float | None, failures_to: str | None) -> None:
        """Set --stall-timeout, None for no watchdog, and the folder for failure.json, None for no file."""
        self.timeout, self.option = timeout, "--stall-timeout"
        self._failures_to = Path(failures_to) if failures_to else None
        if timeout is None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])  # Ctrl-Z at a debugger's prompt

    def join(self, rank: int, size: int) -> None:
        """Set this rank's place in the world that it has joined."""
        self.rank, self.size = rank, size

    def heartbeat(self, waiting_for: str) -> None:
        """Report progress of this rank, and what it waits for next."""
        self.waiting_for, self._has_progressed = waiting_for, True

    def step_begins(self, epoch: int, images_done: int, step: int) -> None:
        """Report the begin of a step, which leads to `images_done` images of `epoch` and `step` steps in all."""
        self.heartbeat(f"the computation of step {step}")
        self._position[:] = epoch, images_done, step

    def keep_position_in(self, memory: Array[c_uint64]) -> None:
        """Read and write the position in `memory` from now on: the three numbers of a Position."""
        self._position = memory

    def allow_exit(self) -> None:
        """Regard the end of another rank as no failure from now on."""
        self.may_exit = True

    def add_report(self, seconds: float) -> None:
        """Add another rank's report: `seconds` ago a rank progressed."""
        self._reports.append(max(0.0, seconds))

    def elapse(self, seconds: float) -> None:
        """Update `idle` by the last `seconds` and by what was reported in them."""
        self.idle = 0.0 if self._has_progressed else self.idle + seconds
        self._has_progressed = False
        while self._reports:
            self.idle = min(self.idle, self._reports.popleft())

    def record_failure(self, reason: str, exit_code: int, stack: str) -> None:
        """Write failure.json, unless another rank has. Rank 0 alone makes the folder."""
        facts = {
            "reason": reason,
            "rank": self.rank,
            "size": self.size,
            "host": self.host,
            "step": self.position.step if self.position else None,
            "waiting_for": self.waiting_for,
            "exit_code": exit_code,
            "stacks": {f"rank {self.rank} on {self.host}": stack[-MAX_STACK:]},
            "versions": failure.versions(),
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        if self._failures_to:
            with suppress(OSError):  # the reason is on the screen as well
                failure.write(self._failures_to, facts, since=self._began, makes_folder=self.rank == 0)
