"""A disk that is full or read-only: the run says so, keeps the last checkpoint, leaves nothing half-written."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from lenet.run import checkpoint
from tests.support.endless_runs import assert_only_whole
from tests.support.marks import slow
from tests.support.run_jobs import gloo, launch, mpirun, program, python, run, train, trained, until

EPOCH_LINE = r"Epoch \[(\d+)\] Loss:\d\.\d{3} Acc:\d\.\d{3} Val:\d\.\d{3} [\d,]+ images/s \d+\.\d s"


@pytest.fixture
def mounted(tmp_path):
    """A function that makes a file system in memory with the given options of mount and returns its folder."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"mounting a small file system is not allowed here: {done.stderr.strip()}")
        return place

    yield mount
    subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)


def fill(folder: Path) -> None:
    """Take all the room that is left."""
    with open(folder / "filler", "wb", buffering=0) as file:
        done = subprocess.run(["cat", "/dev/zero"], stdout=file, stderr=subprocess.PIPE, text=True)
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("launcher", [None, slow(gloo), slow(mpirun)])
def test_a_full_disk_ends_the_job_with_the_last_checkpoint_kept(mounted, endless, launcher):
    disk = mounted("size=4m")
    with python(launch(launcher, 2), "train.py", "--output-dir", disk / "run", *endless) as job:
        until(lambda: checkpoint.folders(disk / "run") or job.process.poll() is not None)
        fill(disk)
        outcome = job.wait()
        until(lambda: not job.processes())
    assert outcome.code != 0
    told = [line for line in outcome.errors if "no checkpoint of step" in line]
    assert len(told) == 1, outcome.text
    assert told[0].endswith(f"in {disk / 'run'}: No space left on device")
    assert [line for line in outcome.errors if " is lost" not in line] == told  # what another rank says at most
    (disk / "filler").unlink()
    assert checkpoint.folders(disk / "run")
    assert_only_whole(disk / "run")
    step = checkpoint.newest(disk / "run", report=None).progress.step
    assert run([], "train.py", "--output-dir", disk / "run", *endless, "--max-steps", step + 1).code == 0


def test_a_disk_that_is_full_from_the_start(mounted, plain_options):
    disk = mounted("size=64k")
    fill(disk)
    outcome = run([], "train.py", "--output-dir", disk / "run", *plain_options)
    assert outcome.code == 2
    assert outcome.errors == [f"--output-dir {disk / 'run'}: No space left on device"]


@pytest.mark.parametrize("launcher", [None, mpirun])
def test_a_checkpoint_that_cannot_be_written(plain_options, tmp_path, launcher):
    """model.params has 241 kB."""
    words = ["--output-dir", tmp_path / "run", *plain_options, "--max-steps", 3]
    outcome = run(launch(launcher, 2), *program("small_files"), 200_000, *words)
    assert outcome.code == 1, outcome.text
    assert "no checkpoint of step 3" in outcome.text
    assert "File too large" in outcome.text
    assert checkpoint.folders(tmp_path / "run") == []
    assert_only_whole(tmp_path / "run")


def test_metrics_that_cannot_be_written_do_not_end_the_run(plain_options, tmp_path):
    """Checkpoints still fit; metrics.jsonl is at its limit already."""
    whole = train([], tmp_path / "whole", *plain_options, "--epochs", 2, "--log-every", 1)
    folder = train([], tmp_path / "run", *plain_options, "--epochs", 2, "--log-every", 1, "--max-steps", 4)
    with open(folder / "metrics.jsonl", "a") as file:
        while file.tell() < 299_000:
            file.write(json.dumps({"kind": "padding", "step": 1, "of": "." * 900}) + "\n")
    more = ["--output-dir", folder, *plain_options, "--epochs", 2, "--log-every", 1]
    outcome = run([], *program("small_files"), 300_000, *more)
    assert outcome.code == 0, outcome.text
    assert outcome.text.count(f"warning: {folder / 'metrics.jsonl'}: File too large") == 1
    assert trained(folder) == trained(whole)


def test_a_read_only_disk(mounted, plain_options):
    disk = mounted("size=64k,ro")
    outcome = run([], "train.py", "--output-dir", disk / "run", *plain_options)
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith(f"--output-dir {disk / 'run'}: Read-only file system")


def test_metrics_and_tensorboard_that_cannot_be_written_end_no_training(options, tmp_path):
    (tmp_path / "tensorboard").write_text("in the way")
    (tmp_path / "metrics.jsonl").mkdir()
    outcome = run([], "train.py", "--output-dir", tmp_path, *options)
    assert outcome.code == 0, outcome.text
    warnings = outcome.err.splitlines()
    assert len(warnings) == 2
    assert all(line.startswith("warning: ") for line in warnings)
    assert "metrics.jsonl" in warnings[0]
    assert "tensorboard" in warnings[1]
    assert len(re.findall(EPOCH_LINE, outcome.out)) == 3
    assert (tmp_path / "trained_LeNet5.params").exists()


def test_a_disk_that_fills_up_is_told_once_for_each_file(tmp_path):
    outcome = run([], *program("fill_log"), tmp_path)
    assert outcome.code == 0, outcome.text
    warnings = sorted(outcome.err.splitlines())
    assert len(warnings) == 2
    assert warnings[0].startswith(f"warning: {tmp_path / 'metrics.jsonl'}: File too large")
    assert warnings[1].startswith(f"warning: {tmp_path / 'tensorboard'}: File too large")
    assert len(re.findall(EPOCH_LINE, outcome.out)) == 5
