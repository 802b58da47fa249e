"""Elastic jobs of a few processes on this machine, whose steps wait at gates until the test has done its harm."""

import json
import os
import sys
from itertools import pairwise
from pathlib import Path

import psutil

from tests.support.run_jobs import ROOT, Job, records, train, trained, until

HOSTS = ("localhost", "LOCALHOST", "Localhost", "127.0.0.1")  # four names of this machine, a host each to Horovod
IMAGES = 600
GLOBAL_BATCH = 8
RUN = ("--global-batch", GLOBAL_BATCH, "--shard", 2, "--log-every", 1)  # 75 steps an epoch, with work for 4 processes
START_LIMIT = 240  # seconds until the processes of a job have come to a gate: busy machines import slowly
AGENT = ("-m", "distributed.elastic.agent")
PROGRAM = "tests/programs/gated_train.py"


class ElasticJob(Job):
    """train.py in an elastic job on the first `hosts` of HOSTS. `harm` is gated_train.py's TEST_HARM."""

    def __init__(self, folder, data, hosts, *options, min_np=2, elastic_timeout=5, agent=AGENT, harm=()):
        self.folder, self.data, self.gates = Path(folder), data, Path(f"{folder}-gates")
        self.gates.mkdir()
        self.set_hosts(*HOSTS[:hosts])
        script = f"{ROOT}/launch/discover_hosts.sh {self.gates}/hosts && echo >> {self.gates}/asked"
        launcher = (
            f"horovodrun --gloo -np {hosts} --min-np {min_np} --max-np 4 --network-interface lo "
            f"--gloo-timeout-seconds 20 --elastic-timeout {elastic_timeout} --host-discovery-script"
        )
        words = ["--data-dir", data, "--output-dir", folder, *RUN, *options]
        command = [*launcher.split(), script, sys.executable, *agent, sys.executable, PROGRAM, *words]
        variables = {"TEST_GATES": str(self.gates), "TEST_HARM": json.dumps(harm), "PYTHONPATH": str(ROOT)}
        super().__init__(command, **variables)

    def set_hosts(self, *hosts):
        """Edit the host file."""
        new = self.gates / "new"
        new.write_text("".join(f"{host}:1\n" for host in hosts))
        os.replace(new, self.gates / "hosts")

    def wait_for_discovery(self):
        """Wait until horovodrun has seen the host file as it is now, and told of it."""
        asked = self.gates / "asked"
        before = asked.stat().st_size
        until(lambda: asked.stat().st_size >= before + 3)  # the first may have been under way; the third comes after

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
        """The process that trains on `host`, as psutil has it; its parent is the slot's agent."""
        found = [each for each in self.processes() if _host(each) == host]
        assert len(found) == 1, found
        return found[0]

    def root(self):
        """The process id of rank 0: it holds the output folder."""
        return int((self.folder / ".lock").read_text().split()[1])

    def said(self):
        """What the job has written until now."""
        return "".join(os.pread(file.fileno(), 1 << 24, 0).decode() for file in (self.out, self.err))

    def images_taken_twice(self):
        """How many images of steps rank 0 took, at the end of the job, that its slot had taken before a loss."""
        steps = self._steps()
        before, after = next((before, after) for before, after in pairwise(steps) if after[3] <= before[3])
        return before[2] - next(step for step in steps if step[3] == after[3] - 1)[2]

    def images_done(self, epoch):
        """[images done after each step of an epoch], as each step was last taken."""
        steps = {step: images_done for _, number, images_done, step in self._steps() if number == epoch}
        return [steps[step] for step in sorted(steps)]

    def _steps(self):
        """[rank, epoch, images done, step] of what the slot of the last rank 0 took; it was there from the start."""
        slots = [list(map(json.loads, path.open())) for path in self.gates.glob("steps-*")]
        return max((steps for steps in slots if steps[-1][0] == 0), key=lambda steps: steps[-1][3])


def _host(process):
    try:
        return process.environ().get("HOROVOD_HOSTNAME") if process.cmdline()[1:2] == [PROGRAM] else None
    except psutil.Error:  # it has just ended
        return None


KEPT, GATE = 20, 30  # the step before the gate whose state is kept in memory, and the gate's


def stopped_at_gate(start_elastic, hosts, *options, **settings):
    """A job whose processes all wait before the step after GATE."""
    job = start_elastic(hosts, *options, **settings)
    job.gate(GATE)
    job.at_gate(GATE, hosts)
    return job


def assert_same_as_alone(job, epochs=1):
    """The job ended in the bits of one process that nobody has disturbed."""
    alone = train([], f"{job.folder}-alone", "--data-dir", job.data, *RUN, "--epochs", epochs)
    assert trained(job.folder) == trained(alone)
    assert records(job.folder, "step") == records(alone, "step")


def assert_whole(job, processes, epochs=1):
    """The job ended well, with so many processes, and the steps that count took every image exactly once an epoch."""
    outcome = job.wait()
    assert outcome.code == 0, outcome.text
    for epoch in range(epochs):
        images_done = job.images_done(epoch)
        assert images_done == sorted(set(images_done)), f"epoch {epoch}"
        assert images_done[-1] == IMAGES, f"epoch {epoch}"
    steps = [record["step"] for record in records(job.folder, "step")]
    assert steps == list(range(1, len(steps) + 1))
    assert [record["epoch"] for record in records(job.folder, "epoch")] == list(range(epochs))
    assert records(job.folder, "epoch")[-1]["processes"] == processes
    assert_same_as_alone(job, epochs)
    assert (job.folder / "trained_LeNet5.params").exists()
    return outcome


def assert_seen_again(job, outcome):
    """The job went on from KEPT, and said how many images it had taken since."""
    assert job.images_taken_twice() >= (GATE - KEPT) * GLOBAL_BATCH
    assert f"{job.images_taken_twice()} images of epoch 0 are seen again" in outcome.text
    assert f"Continuing after step {KEPT}, in epoch 0" in outcome.text
