"""The agent of a slot of an elastic job: python -m distributed.elastic.agent COMMAND... runs COMMAND in each world.

horovodrun starts an agent where it would start the command. When the number of ranks changes, or one is lost, the
command ends with RESTART; the agent then asks for its place in the next world and starts the command again. It does
the same when the command is killed. The agent owns the memory to which the command commits its state (memory.py).
Exit code: the command's, or 128 + the signal that has ended it too often; the launcher then excludes this host.
"""

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress

from distributed.elastic.memory import DESCRIPTOR, Memory
from distributed.elastic.rendezvous import LeaveJob, take_place
from distributed.errors import print_error_line
from distributed.exit_codes import BAD_INPUT, RESTART, STOPPED

# In a row, without a commit in between:
DEATHS = 3  # by a signal, until this host counts as unfit
TRIES = 10  # to form a world with the others; more than DEATHS, so that the others stay when a host is unfit
STOPS = (signal.SIGTERM, signal.SIGINT)
PR_SET_PDEATHSIG = 1  # from linux/prctl.h

libc = ctypes.CDLL(None)


class Agent:
    """A slot: its command, which it restarts, and the memory that all processes of the command share."""

    def __init__(self, command: list[str]) -> None:
        self.command, self.memory = command, Memory.create()
        self.child: subprocess.Popen | None = None
        self.is_asked_to_stop = False
        for number in STOPS:
            signal.signal(number, self._stop)

    def on_hosts_updated(self, timestamp: int, update: int) -> None:
        """Note that hosts were added or removed. Horovod's notification thread calls it; `Committed` reads the note."""
        self.memory.head.hosts_updated = True

    def run(self) -> int:
        """Run the command until the job ends. Returns the exit code of this slot; raises LeaveJob."""
        place: dict[str, str] = {}  # the first one is in the environment already
        tries = deaths = 0
        while True:
            commits = self.memory.commits
            code = self._run_command(place)
            if self.memory.commits > commits:
                tries = deaths = 0
            if code == RESTART or (code == -signal.SIGABRT and self.memory.head.is_starting):
                tries += 1  # another rank is lost; if that happens while Horovod starts, its C++ aborts
            elif code < 0 and -code not in STOPS:
                deaths += 1
                say(f"{signal.Signals(-code).name} ended its process")
            else:
                return code if code >= 0 else 128 - code
            if self.is_asked_to_stop:
                return STOPPED
            if deaths == DEATHS:
                raise LeaveJob(f"its process was ended by a signal {DEATHS} times in a row", 128 - code)
            if tries + deaths == TRIES:
                raise LeaveJob(f"no new world in {TRIES} tries: the processes of the job do not reach each other", 1)
            self.memory.head.hosts_updated = False
            place = take_place()

    def _run_command(self, place: dict[str, str]) -> int:
        """Run the command, which ends with this agent. Returns its exit code, or minus the signal that ended it."""
        self.memory.head.is_starting = False
        environment = {**os.environ, **place, DESCRIPTOR: str(self.memory.descriptor)}
        self.child = subprocess.Popen(
            self.command,
            env=environment,
            pass_fds=[self.memory.descriptor],
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )
        code = self.child.wait()
        self.child = None
        return code

    def _stop(self, number: int, frame: object) -> None:
        self.is_asked_to_stop = True
        if self.child is None:  # horovodrun does it too when --min-np processes do not come in time
            raise LeaveJob("no next world: asked to stop, or fewer processes were left than --min-np", STOPPED)
        self.child.send_signal(number)


def say(text: str, kind: str = "") -> None:
    """Print a line that names the slot."""
    slot = f"{os.environ.get('HOROVOD_HOSTNAME')}:{os.environ.get('HOROVOD_LOCAL_RANK')}"
    print_error_line(f"{kind}slot {slot}: {text}")


def main(command: list[str]) -> int:
    """Run `command` in this slot. Returns the exit code."""
    if not command or os.environ.get("HOROVOD_ELASTIC") != "1":
        usage = "horovodrun --min-np … python -m distributed.elastic.agent COMMAND, as launch/elastic.sh does it"
        print_error_line(f"error: {usage}")
        return BAD_INPUT
    try:
        agent = Agent(command)
        with suppress(ImportError):  # the command reports it
            from horovod.runner.elastic.worker import WorkerNotificationManager

            manager = WorkerNotificationManager()
            manager.register_listener(agent)
            manager.init()
        return agent.run()
    except LeaveJob as leave:
        say(f"{leave}", "error: " if leave.exit_code else "")
        return leave.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
