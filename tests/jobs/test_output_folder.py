"""The output folder is one job's at a time; what becomes of a run whose folder is taken away."""

import os
import shutil

import pytest

from lenet.run import checkpoint
from tests.support.endless_runs import assert_only_whole
from tests.support.run_jobs import gloo, mpirun, program, python, records, run, train, trained, until


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_a_folder_of_somebody_else(plain_options, tmp_path):
    (tmp_path / "run").mkdir(mode=0o500)
    outcome = run([], "train.py", "--output-dir", tmp_path / "run", *plain_options)
    assert outcome.code == 2
    assert outcome.errors == [f"--output-dir {tmp_path / 'run'}: Permission denied"]


def test_a_folder_that_is_gone_in_the_middle_is_made_anew(endless, tmp_path):
    folder = tmp_path / "run"
    with python([], "train.py", "--output-dir", folder, *endless) as job:
        until(lambda: checkpoint.folders(folder))
        folder.rename(tmp_path / "moved")
        until(lambda: checkpoint.folders(folder))
        second = run([], "train.py", "--output-dir", folder, *endless)
        assert job.process.poll() is None
        job.process.terminate()
        outcome = job.wait()
    assert outcome.code == 143, outcome.text
    assert f"{folder} is gone; it is made anew for the checkpoint of step" in outcome.out
    assert_only_whole(folder)
    assert (folder / "config.yaml").exists()
    assert second.code == 2
    assert "another job writes there" in second.errors[0]


def test_a_folder_that_goes_while_a_checkpoint_is_written(plain_options, tmp_path):
    folder, options = tmp_path / "run", [*plain_options, "--epochs", 2]
    whole = train([], tmp_path / "whole", *options)
    outcome = run([], *program("moved_folder"), folder, "--output-dir", folder, *options)
    assert outcome.code == 0, outcome.text
    assert outcome.out.count(f"{folder} is gone; it is made anew for the checkpoint of step") == 1
    assert trained(folder) == trained(whole)
    assert_only_whole(folder)
    assert [each.name for each in checkpoint.folders(tmp_path / "run-moved")] == ["step-00000008"]
    checkpoint.load(checkpoint.folder_of(tmp_path / "run-moved", 8))


def test_a_folder_in_whose_place_is_something_else_ends_the_run(endless, tmp_path):
    folder = tmp_path / "run"
    with python(gloo(2), "train.py", "--output-dir", folder, *endless) as job:
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


def test_a_second_job_on_the_same_folder_is_refused_until_the_first_has_ended(endless, plain_options, tmp_path):
    folder = tmp_path / "run"
    with python([], "train.py", "--output-dir", folder, *endless) as job:
        until(lambda: len(records(folder, "step")) >= 3)
        before = (folder / "config.yaml").read_bytes()
        for start in ([], mpirun(2)):
            outcome = run(start, "train.py", "--output-dir", folder, *plain_options, "--seed", 2)
            assert outcome.code == 2
            assert len(outcome.errors) == 1
            assert "another job writes there (process " in outcome.errors[0]
        assert (folder / "config.yaml").read_bytes() == before
        assert job.process.poll() is None
        job.kill()
    shutil.rmtree(folder / "checkpoints")
    train([], folder, *plain_options, "--max-steps", 1)
