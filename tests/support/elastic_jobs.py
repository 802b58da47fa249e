"""Elastic jobs of a few processes on this machine, whose steps wait at gates until the test has done its harm."""

import json
import os
import sys
from pathlib import Path

import psutil

from tests.support.run_jobs import ROOT, Job, until

HOSTS = ("localhost", "LOCALHOST", "Localhost", "127.0.0.1")  # four names of this machine, a host each to Horovod
BATCH, IMAGES = 4, 600
START_LIMIT = 240  # seconds until the processes of a job have come to a gate: busy machines import slowly
# Runs train.py, and before each step writes its images down. A step with a gate waits until its file is there, or, if
# the file `follow` is, until rank 0 has heard that the hosts change.
GATED = """
import json, os, runpy, sys, time
from pathlib import Path
gates, lenet_loop = Path(os.environ["TEST_GATES"]), __import__("lenet.loop").loop
next_rows = lenet_loop.next_rows
__import__("distributed.elastic").elastic.ElasticWorld.keep_every = 20
def wait_at(step):
    gate = gates / f"gate-{step}"
    while gate.exists():
        if sys.modules["distributed.elastic"].host_changes.seen and gate.read_text() == "follow":
            gate.unlink(missing_ok=True)
        (gates / f"at-{step}-{os.getpid()}").touch()
        time.sleep(0.01)
def next_rows_noted(order, progress, batch):
    wait_at(progress.step)
    rows = next_rows(order, progress, batch)
    with open(gates / f"rows-{os.getpid()}", "a") as file:
        print(json.dumps([progress.epoch, progress.step, rows.tolist()]), file=file)
    return rows
lenet_loop.next_rows = next_rows_noted
exec(os.environ.get("TEST_HARM", ""))
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""


class ElasticJob(Job):
    """train.py in an elastic job on the first `hosts` of HOSTS."""

    def __init__(self, folder, data, hosts, *options, min_np=2, elastic_timeout=5, **variables):
        self.folder, self.gates = Path(folder), Path(f"{folder}-gates")
        self.gates.mkdir()
        self.set_hosts(*HOSTS[:hosts])
        script = f"{ROOT}/launch/discover_hosts.sh {self.gates}/hosts"
        launcher = (
            f"horovodrun --gloo -np {hosts} --min-np {min_np} --max-np 4 --network-interface lo "
            f"--gloo-timeout-seconds 20 --elastic-timeout {elastic_timeout} --host-discovery-script"
        )
        words = ["--data-dir", data, "--output-dir", folder, "--batch-size", BATCH, "--log-every", 1, *options]
        command = [*launcher.split(), script, sys.executable, "-c", GATED, *words]
        super().__init__(command, TEST_GATES=str(self.gates), **variables)

    def set_hosts(self, *hosts):
        """Edit the host file."""
        new = self.gates / "new"
        new.write_text("".join(f"{host}:1\n" for host in hosts))
        os.replace(new, self.gates / "hosts")

    def gate(self, step, kind="closed"):
        """Let all ranks wait before the step after `step` steps; with the kind `follow`, for a change of hosts."""
        (self.gates / f"gate-{step}").write_text(kind)

    def at_gate(self, step, processes):
        """Wait until so many processes wait at the gate; their ids."""

        def there():
            return [int(path.name.split("-")[2]) for path in self.gates.glob(f"at-{step}-*")]

        try:
            until(lambda: len(there()) >= processes or self.process.poll() is not None, START_LIMIT)
        finally:
            assert len(there()) >= processes, self.said()
        return there()

    def open(self, step):
        """Let the ranks go on."""
        (self.gates / f"gate-{step}").unlink()

    def worker(self, host):
        """The process that trains on `host`, as psutil has it."""
        found = [each for each in self.processes() if _host(each) == host]
        assert len(found) == 1, found
        return found[0]

    def root(self):
        """The process id of rank 0: it holds the output folder."""
        return int((self.folder / ".lock").read_text().split()[1])

    def said(self):
        """What the job has written until now."""
        return "".join(os.pread(file.fileno(), 1 << 24, 0).decode() for file in (self.out, self.err))

    def taken_twice(self):
        """How many images of steps rank 0 took, at the end of the job, that it had taken before a loss."""
        taken = self._taken()
        steps = [step for _, step, _ in taken]
        again = next(place for place in range(1, len(steps)) if steps[place] <= steps[place - 1])
        return sum(len(rows) for _, step, rows in taken[:again] if step >= steps[again])

    def rows(self, epoch):
        """{step: its images} of an epoch, as each step was last taken."""
        return {step: rows for number, step, rows in self._taken() if number == epoch}

    def _taken(self):
        """What rank 0, at the end of the job, wrote down; it was there from the start."""
        return [json.loads(line) for line in (self.gates / f"rows-{self.root()}").read_text().splitlines()]


def _host(process):
    try:
        return process.environ().get("HOROVOD_HOSTNAME") if process.cmdline()[1:2] == ["-c"] else None
    except psutil.Error:  # it has just ended
        return None
