"""Being asked to stop: the first SIGTERM, SIGINT or SIGUSR1 asks, a second one ends this process at once."""

import os
import signal
import sys
import threading
import time

from distributed.exit_codes import STOPPED

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)  # the last one mpirun forwards at once, the others late
ECHO = 0.5  # seconds in which a second signal is the first one's: `timeout` sends each twice, a terminal to all at once


class StopRequest:
    """False until this process is asked to stop. The loop reads it once a step and sends it to the other ranks."""

    def __init__(self) -> None:
        self.asked = self.listens = False
        self.answered = False  # set when the checkpoint is written, and nothing is left to do but to end

    def listen(self) -> None:
        """Take over SIGNALS; again for nothing.

        A thread counts them, by the interpreter's wake-up pipe: a signal handler in Python would wait for the main
        thread, which can be waiting in MXNet for a rank that is lost.
        """
        if self.listens:
            return
        self.listens = True
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: None)
        threading.Thread(target=self._count, args=(read_end,), daemon=True, name="signals").start()

    def __bool__(self) -> bool:
        return self.asked

    def _count(self, read_end: int) -> None:
        while True:
            (number,) = os.read(read_end, 1)
            if number not in SIGNALS:
                continue
            if self.answered:
                os._exit(STOPPED)
            if not self.asked:
                self.asked, asked_at = True, time.monotonic()
            elif time.monotonic() - asked_at > ECHO:
                sys.stderr.write("error: asked to stop twice: ended without a checkpoint\n")
                sys.stderr.flush()
                os._exit(1)


stop_request = StopRequest()  # a process has one, also when its job is resized
