"""launch/slurm.sbatch on a real Slurm: it trains, and requeued it goes on from its checkpoint to the same bits."""

import pytest

from tests.support import checkout, run_jobs, slurm
from tests.support.run_jobs import ROOT, Job, until

SCRIPT = ROOT / "launch/slurm.sbatch"
needs_slurm = pytest.mark.skipif(slurm.why_not() is not None, reason=slurm.why_not() or "")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of two nodes."""
    with slurm.running(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def root(tmp_path):
    return checkout.write(tmp_path)


@pytest.fixture
def submit(cluster, small, root):
    """A function that queues a run with a process on each node into a folder and gives the number of the job."""

    def queue(folder, *options):
        command = ["sbatch", "--parsable", "--nodes=2", "--ntasks=2", f"--output={folder}.log", "launch/slurm.sbatch"]
        words = ["--data-dir", small, "--output-dir", folder, "--epochs", "30", "--global-batch", "64", "--shard", "16"]
        return cluster.call("env", "-C", root, *command, *words, *options)

    return queue


@pytest.mark.slow
@needs_slurm
def test_a_requeued_job_goes_on_to_the_same_bits(cluster, submit, tmp_path):
    whole, requeued = tmp_path / "whole", tmp_path / "requeued"
    assert cluster.ended(submit(whole)) == "COMPLETED", whole.with_suffix(".log").read_text()
    job = submit(requeued)
    until(lambda: list(requeued.glob("checkpoints/step-*")))
    cluster.call("scontrol", "requeue", job)
    state, said = cluster.ended(job), requeued.with_suffix(".log").read_text()
    assert (state, cluster.job(job)["Restarts"]) == ("COMPLETED", "1"), said
    assert "Exited with exit code 143" in said
    assert "Continuing after step" in said
    assert run_jobs.records(requeued, "epoch")[-1]["processes"] == 2
    assert run_jobs.trained(requeued) == run_jobs.trained(whole)


@pytest.mark.slow
@needs_slurm
@pytest.mark.parametrize("options", [["--data-dir", "/none"], ["--epoch", "3"]], ids=["data", "option"])
def test_bad_input_ends_the_job_with_2(cluster, submit, tmp_path, options):
    job = submit(tmp_path / "run", *options)
    state, said = cluster.ended(job), (tmp_path / "run.log").read_text()
    assert (state, cluster.job(job)["ExitCode"]) == ("FAILED", "2:0"), said
    assert said.count("error: ") == 1 + said.count("srun: error: "), said


@pytest.mark.slow
@needs_slurm
def test_mpi_sh_trains_on_all_of_an_allocation(cluster, options, finished, root, tmp_path):
    command = ["salloc", "--nodes=2", "--ntasks=4", root / "launch/mpi.sh"]
    with cluster.start(*command, *options, "--output-dir", tmp_path / "run") as job:
        outcome = job.wait()
    assert outcome.code == 0, outcome.text
    one, two = run_jobs.losses(finished()), run_jobs.losses(tmp_path / "run")
    assert [two[step] for step in range(1, 11)] == pytest.approx([one[step] for step in range(1, 11)], rel=1e-5)


@pytest.mark.parametrize("variables", [{}, {"SLURM_JOB_ID": "7", "SLURM_SUBMIT_DIR": "/"}], ids=["no job", "elsewhere"])
def test_wrong_use_is_one_line(variables):
    with Job([SCRIPT], **variables) as job:
        outcome = job.wait()
    assert (outcome.code, len(outcome.lines), len(outcome.errors)) == (2, 1, 1)
    assert "sbatch" in outcome.errors[0]
