"""A disk that is full, read-only or gone: the run says so, keeps the last checkpoint, leaves nothing half-written."""

import json
import os
import shutil
import subprocess

import pytest

from lenet.run import checkpoint
from tests.support.marks import slow
from tests.support.run_jobs import gloo, mpirun, python, records, run, train, trained, until

# Runs train.py, whose files cannot be larger than the given number of bytes. From then on that the processes have met:
# MPI needs larger ones.
SMALL_FILES = """
import resource, runpy, sys
from lenet.training import checkpointer
prepare = checkpointer.prepare
def prepare_in_small_files(config):
    resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
    prepare(config)
checkpointer.prepare = prepare_in_small_files
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""
# Runs train.py, whose output folder is moved away when a file of its second checkpoint stands and the next does not.
MOVED = """
import os, runpy, sys
from lenet.run import checkpoint
write, written = checkpoint.write_params, []
def move_and_write(path, arrays):
    written.append(path)
    if len(written) == 4:  # a checkpoint has two such files
        os.rename({folder!r}, {folder!r} + "-moved")
    write(path, arrays)
checkpoint.write_params = move_and_write
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""
NEVER_ENDING = ["--epochs", 99_999, "--checkpoint-every", 2, "--log-every", 1]


@pytest.fixture
def words(small):
    return ["--data-dir", small, "--batch-size", 32]


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


def assert_only_whole(folder):
    """Every checkpoint is whole, and what could not be finished is gone."""
    for each in checkpoint.folders(folder):
        checkpoint.load(each)
    assert list(folder.rglob("*.partial")) == []


def fill(folder):
    """Take all the room that is left."""
    with open(folder / "filler", "wb", buffering=0) as file:
        done = subprocess.run(["cat", "/dev/zero"], stdout=file, stderr=subprocess.PIPE, text=True)
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("launcher", [None, slow(gloo), mpirun])
def test_a_full_disk_ends_the_job_with_the_last_checkpoint_kept(mounted, words, launcher):
    disk = mounted("size=4m")
    start = launcher(2) if launcher else []
    with python(start, "train.py", "--output-dir", disk / "run", *words, *NEVER_ENDING) as job:
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
    assert run([], "train.py", "--output-dir", disk / "run", *words, *NEVER_ENDING, "--max-steps", step + 1).code == 0


def test_a_disk_that_is_full_from_the_start(mounted, words):
    disk = mounted("size=64k")
    fill(disk)
    outcome = run([], "train.py", "--output-dir", disk / "run", *words)
    assert outcome.code == 2
    assert outcome.errors == [f"--output-dir {disk / 'run'}: No space left on device"]


@pytest.mark.parametrize("launcher", [None, mpirun])
def test_a_checkpoint_that_can_not_be_written(words, tmp_path, launcher):
    """model.params has 241 kB."""
    start = launcher(2) if launcher else []
    code = SMALL_FILES.format(most=200_000)
    outcome = run(start, "-c", code, "--output-dir", tmp_path / "run", *words, "--max-steps", 3)
    assert outcome.code == 1, outcome.text
    assert "no checkpoint of step 3" in outcome.text
    assert "File too large" in outcome.text
    assert checkpoint.folders(tmp_path / "run") == []
    assert_only_whole(tmp_path / "run")


def test_metrics_that_can_not_be_written_do_not_end_the_run(words, tmp_path):
    """Checkpoints still fit; metrics.jsonl is at its limit already."""
    whole = train([], tmp_path / "whole", *words, "--epochs", 2, "--log-every", 1)
    folder = train([], tmp_path / "run", *words, "--epochs", 2, "--log-every", 1, "--max-steps", 4)
    with open(folder / "metrics.jsonl", "a") as file:
        padding = 300_000 - file.tell() - 50
        file.write(json.dumps({"kind": "padding", "step": 1, "of": "." * padding}) + "\n")
    code = SMALL_FILES.format(most=300_000)
    outcome = run([], "-c", code, "--output-dir", folder, *words, "--epochs", 2, "--log-every", 1)
    assert outcome.code == 0, outcome.text
    assert outcome.text.count(f"warning: {folder / 'metrics.jsonl'}: File too large") == 1
    assert trained(folder) == trained(whole)


def test_a_read_only_disk(mounted, words):
    disk = mounted("size=64k,ro")
    outcome = run(mpirun(2), "train.py", "--output-dir", disk / "run", *words)
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith(f"--output-dir {disk / 'run'}: Read-only file system")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_a_folder_of_somebody_else(words, tmp_path):
    (tmp_path / "run").mkdir(mode=0o500)
    outcome = run([], "train.py", "--output-dir", tmp_path / "run", *words)
    assert outcome.code == 2
    assert outcome.errors == [f"--output-dir {tmp_path / 'run'}: Permission denied"]


def test_a_folder_that_is_gone_in_the_middle_is_made_anew(words, tmp_path):
    folder, options = tmp_path / "run", [*words, *NEVER_ENDING]
    with python([], "train.py", "--output-dir", folder, *options) as job:
        until(lambda: checkpoint.folders(folder))
        folder.rename(tmp_path / "moved")
        until(lambda: checkpoint.folders(folder))
        second = run([], "train.py", "--output-dir", folder, *options)
        assert job.process.poll() is None
        job.process.terminate()
        outcome = job.wait()
    assert outcome.code == 143, outcome.text
    assert f"{folder} is gone; it is made anew for the checkpoint of step" in outcome.out
    assert_only_whole(folder)
    assert (folder / "config.yaml").exists()
    assert second.code == 2
    assert "another job writes there" in second.errors[0]


def test_a_folder_that_goes_while_a_checkpoint_is_written(words, tmp_path):
    folder, options = tmp_path / "run", [*words, "--epochs", 2]
    whole = train([], tmp_path / "whole", *options)
    code = MOVED.format(folder=str(folder))
    outcome = run([], "-c", code, "--output-dir", folder, *options)
    assert outcome.code == 0, outcome.text
    assert outcome.out.count(f"{folder} is gone; it is made anew for the checkpoint of step") == 1
    assert trained(folder) == trained(whole)
    assert_only_whole(folder)
    assert [each.name for each in checkpoint.folders(tmp_path / "run-moved")] == ["step-00000008"]
    checkpoint.load(checkpoint.folder_of(tmp_path / "run-moved", 8))


def test_a_folder_in_whose_place_is_something_else_ends_the_run(words, tmp_path):
    folder = tmp_path / "run"
    with python(gloo(2), "train.py", "--output-dir", folder, *words, *NEVER_ENDING) as job:
        until(lambda: checkpoint.folders(folder))
        for process in job.processes():  # else the run could make the folder anew before the file stands there
            process.suspend()
        folder.rename(tmp_path / "moved")
        folder.write_text("not a folder")
        for process in job.processes():
            process.resume()
        outcome = job.wait()
    assert outcome.code != 0
    assert "no checkpoint of step" in outcome.text
    for each in checkpoint.folders(tmp_path / "moved"):
        checkpoint.load(each)
    assert folder.read_text() == "not a folder"


def test_a_second_job_on_the_same_folder_is_refused_until_the_first_has_ended(words, tmp_path):
    folder = tmp_path / "run"
    with python([], "train.py", "--output-dir", folder, *words, *NEVER_ENDING) as job:
        until(lambda: len(records(folder, "step")) >= 3)
        before = (folder / "config.yaml").read_bytes()
        for start in ([], mpirun(2)):
            outcome = run(start, "train.py", "--output-dir", folder, *words, "--seed", 2)
            assert outcome.code == 2
            assert len(outcome.errors) == 1
            assert "another job writes there (process " in outcome.errors[0]
        assert (folder / "config.yaml").read_bytes() == before
        assert job.process.poll() is None
        job.kill()
    shutil.rmtree(folder / "checkpoints")
    train([], folder, *words, "--max-steps", 1)
