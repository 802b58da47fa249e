"""The same run comes out when it is stopped or killed and the same command goes on, with other processes too."""

import shutil

import pytest

from tests.support import run_jobs
from tests.support.marks import slow
from tests.support.run_jobs import gloo, launch, losses, mpirun, records, train, trained
from tests.support.same_runs import assert_same_run


@pytest.fixture
def resumable(stopped, tmp_path_factory):
    """A copy of the output folder of a stopped run."""
    return lambda *how: shutil.copytree(stopped(*how), tmp_path_factory.mktemp("copy") / "run")


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), slow(gloo, 2)])
def test_stopped_and_resumed_gives_the_same_bits(finished, resumable, options, launcher, processes):
    folder = resumable(launcher, processes)
    assert list(losses(folder)) == [1, 2, 3, 4, 5]
    before = trained(folder)
    train(launch(launcher, processes), folder, *options)
    assert trained(folder) != before
    assert_same_run(folder, finished(launcher, processes))


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), slow(mpirun, 2)])
def test_killed_and_resumed_gives_the_same_bits(options, tmp_path, launcher, processes):
    """SIGKILL falls where it falls: between steps, in a step, in the writing of a checkpoint."""
    folder = tmp_path / "killed"
    long = [*options, "--epochs", 400]
    with run_jobs.python(launch(launcher, processes), "train.py", "--output-dir", folder, *long) as job:
        run_jobs.until(lambda: max(losses(folder), default=0) >= 7)
        job.kill()
        assert job.wait().code != 0
    last = max(losses(folder))
    long += ["--max-steps", last + 6]
    train(launch(launcher, processes), folder, *long)
    never_killed = train(launch(launcher, processes), tmp_path / "whole", *long)
    assert [record["step"] for record in records(folder, "step")] == list(range(1, last + 7))
    assert_same_run(folder, never_killed)


@pytest.mark.parametrize(
    ("before", "after"), [((mpirun, 2), (None, 1)), ((None, 1), (mpirun, 3)), slow((gloo, 2), (mpirun, 4))]
)
def test_resumed_with_other_processes_gives_the_same_bits(finished, resumable, options, before, after):
    folder = train(launch(*after), resumable(*before), *options)
    assert_same_run(folder, finished())


@pytest.mark.parametrize(("option", "told"), [("--shard", "shard 16"), ("--global-batch", "global_batch 64")])
def test_what_the_bits_depend_on_cannot_change_on_the_way(resumable, options, option, told):
    folder = resumable()
    before = trained(folder)
    outcome = run_jobs.run([], "train.py", "--output-dir", folder, *options, option, 32)
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert f"the run to resume has {told}, this one 32" in outcome.errors[0]
    assert trained(folder) == before


def test_max_steps_reached_before_is_not_passed(resumable, options):
    """The same command again, and one that asks for less than is done, have nothing to do."""
    for limit in (5, 3):
        folder = resumable()
        before = trained(folder)
        train([], folder, *options, "--max-steps", limit)
        assert list(losses(folder)) == [1, 2, 3, 4, 5]
        assert trained(folder) == before


def test_a_finished_run_has_nothing_to_do(finished, options, tmp_path):
    folder = shutil.copytree(finished(), tmp_path / "run")
    train([], folder, *options)
    assert trained(folder) == trained(finished())
    assert records(folder, "step") == records(finished(), "step")
