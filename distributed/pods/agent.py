"""The agent of a pod of an Indexed Job: python -m distributed.pods.agent COMMAND... runs COMMAND as a rank of Horovod.

The pods report to the rendezvous at pod 0 and start together. When one is lost, the others wait for its replacement,
and all continue from the last checkpoint: only the lost pod counts in the job's backoffLimit. All pods succeed or none.
Environment: JOB_COMPLETION_INDEX (from Kubernetes), LENET_PODS (the number of pods), LENET_RENDEZVOUS (pod 0's
HOST:PORT), LENET_JOB_SECRET (the UID of the Job, which only its pods know). In Kubernetes the secret is required.
Exit code: the command's; 1 when the other pods do not start in time.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Collection, Mapping
from http import HTTPStatus
from http.client import HTTPException
from types import FrameType
from typing import Any, NamedTuple
from xmlrpc.client import Error, ServerProxy

from distributed.errors import print_error_line
from distributed.exit_codes import BAD_INPUT, STOPPED
from distributed.pods.rendezvous import (
    DONE,
    END,
    GO,
    LEAVING,
    OVER,
    RUNNING,
    SECRET_HEADER,
    SILENCE,
    WAITING,
    Rendezvous,
)

REPORT_SECONDS = 1.0  # seconds between two reports
START_SECONDS = 720.0  # seconds to wait for the others: Kubernetes waits up to 600 before it starts a pod again
REMINDER_SECONDS = 60.0  # between two lines about that
GRACE_SECONDS = 20.0  # for a command to end by itself when its run is over: it may be writing a checkpoint
MAX_FAILURES = 3  # of the command in one pod


class Identity(NamedTuple):
    """The number of this pod, the address of the rendezvous (pod 0's) and its secret."""

    rank: int
    size: int
    host: str
    port: int
    secret: str


class Agent:
    """Runs a command as one pod of the job, and again when another pod is lost, until it succeeds in all pods."""

    def __init__(self, identity: Identity, command: list[str]) -> None:
        self.rank, self.size, host, self.port, self.secret = identity
        self.host = "127.0.0.1" if self.rank == 0 else host
        self.command = command
        self.child: subprocess.Popen[bytes] | None = None
        self.is_asked_to_stop = self.is_refused = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self) -> int:
        """Run the command until it succeeds in all pods or fails for good. Returns the exit code of this pod."""
        failures = 0
        while True:
            code, is_agreed = self._run_together()
            failures += code not in (0, STOPPED)
            if is_agreed or code == BAD_INPUT or self.is_asked_to_stop or failures == MAX_FAILURES:
                return code
            self.say(f"the run ended with exit code {code} here, and not all pods have succeeded: starting again")

    def say(self, text: str) -> None:
        """Print a line that names this pod."""
        print_error_line(f"pod {self.rank} of {self.size}: {text}")

    def _run_together(self) -> tuple[int, bool]:
        """Run the command once, together with the other pods. Returns its exit code, and whether all pods have 0."""
        token = uuid.uuid4().hex
        answer, variables = self._report_until(token, WAITING, (GO, END))
        if answer == END:
            return 0, True
        self.say("all are here, starting")
        code = self._run_command(token, {**variables, "HOROVOD_GLOO_RENDEZVOUS_ADDR": self.host})
        if code != 0:
            return code, False
        answer, _ = self._report_until(token, DONE, (END, OVER))
        return 0, answer == END

    def _report_until(self, token: str, state: str, wanted: Collection[str]) -> tuple[str, dict[str, Any]]:
        """Report until the answer is one of `wanted`. Ends this process after START_SECONDS."""
        start = reminded = time.monotonic()
        missing = [0]
        while (now := time.monotonic()) < start + START_SECONDS:
            answer, details = self._report(token, state)
            if answer == END:
                self._report(token, LEAVING)
            if answer in wanted:
                return answer, details
            if details.get("missing", missing) != missing:
                missing = details["missing"]
                self.say(f"waiting for pods {missing}")
            if state == WAITING and now - reminded > REMINDER_SECONDS:
                reminded = now
                self.say(
                    f"waiting for Kubernetes to start pods {missing}, {now - start:.0f} of {START_SECONDS:.0f} s: "
                    "after failures it pauses 10, 20, 40 … 600 s"
                )
            time.sleep(REPORT_SECONDS)
        sys.exit(f"error: pod {self.rank} of {self.size} waited {START_SECONDS:.0f} s for pods {missing}")

    def _report(self, token: str, state: str) -> tuple[str, dict[str, Any]]:
        """The rendezvous' answer and its details. The answer is empty if the rendezvous cannot be reached for now."""
        try:
            headers = [(SECRET_HEADER, self.secret)]
            with ServerProxy(f"http://{self.host}:{self.port}", headers=headers) as rendezvous:
                reply: Any = rendezvous.report(self.rank, token, state)
                return reply[0], reply[1]
        except (OSError, HTTPException, Error) as error:
            if getattr(error, "errcode", None) == HTTPStatus.FORBIDDEN and not self.is_refused:
                self.is_refused = True  # it may be that of an older job, whose pod is about to end
                self.say("the rendezvous refuses its LENET_JOB_SECRET")
            return "", {}

    def _run_command(self, token: str, variables: Mapping[str, str]) -> int:
        """Run the command, and kill it if its run is over in another pod and it does not end. Returns the code."""
        self.child = child = subprocess.Popen(self.command, env={**os.environ, **variables})
        heard = time.monotonic()
        over = None
        while True:
            try:
                code = child.wait(REPORT_SECONDS)
                self.child = None
                return code if code >= 0 else 128 - code
            except subprocess.TimeoutExpired:
                now = time.monotonic()
            answer, _ = self._report(token, RUNNING)
            heard = now if answer else heard
            if over is None and (answer == OVER or now - heard > SILENCE):
                over = now
            if over is not None and now - over > GRACE_SECONDS:
                self.say("another pod was lost and the command did not end: killing it")
                child.kill()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.is_asked_to_stop = True
        if self.child is None:
            sys.exit(STOPPED)
        self.child.terminate()


def read_identity(environment: Mapping[str, str]) -> Identity:
    """The Identity of this pod. ValueError: a variable is missing or makes no sense."""
    try:
        rank, size = int(environment["JOB_COMPLETION_INDEX"]), int(environment["LENET_PODS"])
        host, port_text = environment["LENET_RENDEZVOUS"].split(":")
        port = int(port_text)
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is not set: this is for a pod of an Indexed Job") from None
    except ValueError as error:
        raise ValueError(f"JOB_COMPLETION_INDEX, LENET_PODS and LENET_RENDEZVOUS=HOST:PORT: {error}") from None
    if not 0 <= rank < size:
        raise ValueError(f"JOB_COMPLETION_INDEX is {rank}: LENET_PODS, {size}, must be the job's completions")
    secret = environment.get("LENET_JOB_SECRET", "")
    if not secret and "KUBERNETES_SERVICE_HOST" in environment:
        raise ValueError("LENET_JOB_SECRET is not set: the manifests fill it with the UID of the Job")
    if not (secret.isascii() and secret.isprintable() and len(secret) <= 200):
        raise ValueError("LENET_JOB_SECRET: at most 200 printable characters of ASCII are needed")
    return Identity(rank, size, host, port, secret)


def main(command: list[str]) -> int:
    """Run `command` as this pod. Returns the exit code."""
    try:
        if not command:
            raise ValueError("a command is needed: python -m distributed.pods.agent python train.py [OPTIONS]")
        identity = read_identity(os.environ)
    except ValueError as error:
        print_error_line(f"error: {error}")
        return BAD_INPUT
    socket.setdefaulttimeout(5)
    agent = Agent(identity, command)
    if identity.rank != 0:
        return agent.run()
    rendezvous = Rendezvous(identity.size)
    rendezvous.listen(identity.port, identity.secret)
    code = agent.run()
    if code == 0:
        rendezvous.all_left.wait(GRACE_SECONDS)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
