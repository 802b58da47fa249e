"""One pod of an Indexed Job: python -m distributed.pods.agent COMMAND... runs the command as one rank of Horovod.

The pods meet at pod 0 and start together. When one is lost, the others wait for its successor, and all go on
from the last checkpoint; so the lost pod alone counts in the job's backoffLimit. All succeed or none does.
Environment: JOB_COMPLETION_INDEX (from Kubernetes), LENET_PODS (how many), LENET_MEETING (pod 0's HOST:PORT).
Exit code: the command's; 1 when the others do not come.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from http.client import HTTPException
from xmlrpc.client import Error, ServerProxy

from distributed.pods.rendezvous import DONE, END, GO, LEAVING, OVER, RUNNING, SILENCE, WAITING, Rendezvous

PERIOD = 1.0  # seconds between two reports
PATIENCE = 600.0  # seconds to wait for the others
GRACE = 20.0  # seconds in which a command may end by itself when its run is over: it can be at a checkpoint
FAILURES = 3  # of the command in one pod
BAD_INPUT, STOPPED = 2, 143


class Pod:
    """This pod: which it is, the command that it runs, and whether it is asked to stop."""

    def __init__(self, rank, size, host, port, command):
        self.rank, self.size, self.command = rank, size, command
        self.host, self.port = "127.0.0.1" if rank == 0 else host, port
        self.child, self.is_asked_to_stop = None, False
        signal.signal(signal.SIGTERM, self._stop)

    def live(self):
        """The exit code of this pod."""
        failures = 0
        while True:
            code, is_agreed = self._take_part()
            failures += code not in (0, STOPPED)
            if is_agreed or code == BAD_INPUT or self.is_asked_to_stop or failures == FAILURES:
                return code
            self.say(f"the run ended with exit code {code} here, and not well everywhere: meeting again")

    def say(self, text):
        print(f"pod {self.rank} of {self.size}: {text}", file=sys.stderr, flush=True)

    def _take_part(self):
        """Meet, run the command once. Its exit code, and whether it is 0 in all pods."""
        token = uuid.uuid4().hex
        answer, variables = self._report_until(token, WAITING, (GO, END))
        if answer == END:
            return 0, True
        self.say("all are here, starting")
        code = self._run(token, {**variables, "HOROVOD_GLOO_RENDEZVOUS_ADDR": self.host})
        if code != 0:
            return code, False
        answer, _ = self._report_until(token, DONE, (END, OVER))
        return 0, answer == END

    def _report_until(self, token, state, wanted):
        """Report until one of the answers `wanted` comes. Ends this process when none does."""
        deadline = time.monotonic() + PATIENCE
        missing = [0]
        while time.monotonic() < deadline:
            answer, about = self._report(token, state)
            if answer == END:
                self._report(token, LEAVING)
            if answer in wanted:
                return answer, about
            if about.get("missing", missing) != missing:
                missing = about["missing"]
                self.say(f"waiting for pods {missing}")
            time.sleep(PERIOD)
        sys.exit(f"error: pod {self.rank} of {self.size} waited {PATIENCE:.0f} s for pods {missing}, in vain")

    def _report(self, token, state):
        """The meeting's answer and what belongs to it; None if it cannot be reached, no error yet."""
        try:
            with ServerProxy(f"http://{self.host}:{self.port}") as meeting:
                return meeting.report(self.rank, token, state)
        except (OSError, HTTPException, Error):
            return None, {}

    def _run(self, token, variables):
        """The command's exit code. When its run is over elsewhere and it does not notice, it is killed."""
        self.child = subprocess.Popen(self.command, env={**os.environ, **variables})
        heard = time.monotonic()
        over = None
        while True:
            try:
                code = self.child.wait(PERIOD)
                self.child = None
                return code if code >= 0 else 128 - code
            except subprocess.TimeoutExpired:
                now = time.monotonic()
            answer, _ = self._report(token, RUNNING)
            heard = now if answer else heard
            if over is None and (answer == OVER or now - heard > SILENCE):
                over = now
            if over is not None and now - over > GRACE:
                self.say("another pod was lost and the command did not end: killing it")
                self.child.kill()

    def _stop(self, number, frame):
        self.is_asked_to_stop = True
        if self.child is None:
            sys.exit(STOPPED)
        self.child.terminate()


def read_place(environment):
    """(rank, size, host, port) from the environment. ValueError says what is wrong."""
    try:
        rank, size = int(environment["JOB_COMPLETION_INDEX"]), int(environment["LENET_PODS"])
        host, port = environment["LENET_MEETING"].split(":")
        port = int(port)
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is not set: this is for a pod of an Indexed Job") from None
    except ValueError as error:
        raise ValueError(f"JOB_COMPLETION_INDEX, LENET_PODS and LENET_MEETING=HOST:PORT: {error}") from None
    if not 0 <= rank < size:
        raise ValueError(f"JOB_COMPLETION_INDEX is {rank}: LENET_PODS, {size}, must be the job's completions")
    return rank, size, host, port


def main(command):
    """Exit code of this pod, which runs `command`."""
    try:
        if not command:
            raise ValueError("a command is needed: python -m distributed.pods.agent python train.py [OPTIONS]")
        rank, size, host, port = read_place(os.environ)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    socket.setdefaulttimeout(5)
    pod = Pod(rank, size, host, port, command)
    if rank == 0:
        meeting = Rendezvous(size)
        meeting.listen(port)
    code = pod.live()
    if rank == 0 and code == 0:
        meeting.all_left.wait(GRACE)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
