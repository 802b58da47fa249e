"""Runs that would go on for hours, for tests that kill or stop them; and what must hold of what they leave."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from lenet.run import checkpoint
from tests.support.run_jobs import Job, Launcher, Outcome, launch, records, run, until

ENDLESS = ["--global-batch", 48, "--shard", 16, "--epochs", 99_999, "--checkpoint-every", 2, "--log-every", 1]
# mpirun gives its processes 1 s for a checkpoint, which a busy machine can need more than; launch/mpi.sh sets it too.
# It hands the signal on only after as long.
PATIENT = {"OMPI_MCA_odls_base_sigkill_timeout": "3"}
SOON = 30  # seconds for what takes one or two on a machine that does nothing else


def ranks(job: Job) -> dict[int, psutil.Process]:
    """The processes of the job that run train.py, by rank."""
    found = {}
    for process in job.processes():
        variables = process.environ()
        rank = variables.get("HOROVOD_RANK") or variables.get("OMPI_COMM_WORLD_RANK")
        if rank is not None and "python" in process.name():
            found[int(rank)] = process
    return found


def ended(job: Job) -> Outcome:
    """Wait until nothing of the job is left; its Outcome."""
    until(lambda: not job.processes())
    return job.wait(SOON)


def last_step(folder: Path) -> int:
    """The last step of metrics.jsonl."""
    return max(record["step"] for record in records(folder, "step"))


def assert_whole(folder: Path) -> int:
    """The newest checkpoint of the folder is whole and at most three steps are lost; returns its step."""
    damaged: list[str] = []
    newest = checkpoint.newest(folder, damaged.append)
    assert damaged == []
    assert newest.progress.step >= last_step(folder) - 3
    return newest.progress.step


def assert_only_whole(folder: Path) -> None:
    """Every checkpoint is whole, and what could not be finished is gone."""
    for each in checkpoint.folders(folder):
        checkpoint.load(each)
    assert list(folder.rglob("*.partial")) == []


def assert_goes_on(folder: Path, options: Sequence[Any], launcher: Launcher | None, processes: int = 1) -> None:
    """A new job takes the folder: no lock is left behind. It continues after the newest checkpoint."""
    step = checkpoint.newest(folder, lambda line: None).progress.step
    more = ["--max-steps", step + 2]
    outcome = run(launch(launcher, processes), "train.py", "--output-dir", folder, *options, *more)
    assert outcome.code == 0, outcome.text
    assert f"Continuing after step {step}" in outcome.text
    assert [record["step"] for record in records(folder, "step")] == list(range(1, step + 3))
