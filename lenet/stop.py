"""Being asked to stop: the first SIGTERM or SIGINT asks, the second ends this process at once."""

import os
import signal


class StopRequest:
    """False until this process is asked to stop. The loop asks it once a step and tells the other ranks."""

    def __init__(self):
        self.asked = False

    def listen(self):
        """Take over SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def __bool__(self):
        return self.asked

    def _note(self, number, frame):
        if self.asked:
            os._exit(1)
        self.asked = True
