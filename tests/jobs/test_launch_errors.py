"""Processes that do not fit together end together with one line; none trains on alone or waits for ever."""

import re
import socket

import pytest

from tests.support import datasets, run_jobs
from tests.support.run_jobs import Outcome, gloo, mpirun, program


@pytest.fixture
def without_horovod():
    """The variables that hide Horovod and MPI from a Python process."""
    return {"PYTHONPATH": str(run_jobs.ROOT / "tests/programs/without_horovod")}


@pytest.fixture
def words(options, tmp_path):
    """A short run of two processes."""
    return [*options, "--epochs", 1, "--output-dir", tmp_path / "run"]


def one_line(outcome: Outcome) -> str:
    """The only error line of a job that ended with exit code 2 and without a traceback."""
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1, outcome.text
    assert "Traceback" not in outcome.text
    return outcome.errors[0]


def test_one_process_needs_no_horovod(finished, options, tmp_path, without_horovod):
    hidden = run_jobs.run([], "-c", "import horovod", **without_horovod)
    assert "No module named 'horovod'" in hidden.err
    folder = run_jobs.train([], tmp_path / "run", *options, **without_horovod)
    assert run_jobs.trained(folder) == run_jobs.trained(finished())


@pytest.mark.parametrize("names", ["OMPI_COMM_WORLD", "HOROVOD"])
def test_a_launcher_without_horovod_is_refused(words, tmp_path, without_horovod, names):
    launch = {f"{names}_RANK": "0", f"{names}_SIZE": "2", f"{names}_LOCAL_SIZE": "2"}
    message = one_line(run_jobs.run([], "train.py", *words, **launch, **without_horovod))
    assert "2 processes" in message
    assert "Horovod" in message
    assert not (tmp_path / "run").exists()


def test_a_real_launcher_whose_processes_do_not_meet_is_refused_once(words, tmp_path):
    """As where Horovod was built without MPI: each would train alone and write the same files."""
    alone = {"HOROVOD_CONTROLLER": "gloo", "HOROVOD_CPU_OPERATIONS": "gloo"}
    message = one_line(run_jobs.run(mpirun(2), *program("late_rank_0"), *words, **alone))
    assert "Open MPI started 2 processes but Horovod sees 1" in message
    assert not (tmp_path / "run").exists()


def test_variables_that_are_no_numbers(words):
    message = one_line(run_jobs.run([], "train.py", *words, OMPI_COMM_WORLD_RANK="x", OMPI_COMM_WORLD_SIZE="2"))
    assert "OMPI_COMM_WORLD_RANK=x" in message


def test_other_data_on_one_rank(words, tmp_path):
    other = datasets.write(tmp_path / "other", train=250, validation=61, seed=3)
    outcome = run_jobs.run(mpirun(2), *program("options_on_rank_1"), *words, "--on-rank-1", "--data-dir", other)
    assert_differs(one_line(outcome), "the data")
    assert not (tmp_path / "run").exists()


def test_other_code_on_one_rank(words, tmp_path):
    (tmp_path / "copy").mkdir()
    outcome = run_jobs.run(mpirun(2), *program("other_code_on_rank_1"), tmp_path / "copy", *words)
    assert_differs(one_line(outcome), "the code")
    assert not (tmp_path / "run").exists()


def assert_differs(message: str, what: str) -> None:
    host = re.escape(socket.gethostname())
    assert re.match(rf"{what} differs between the processes: rank 0 on {host} .*rank 1 on {host} ", message)


def test_a_file_that_one_rank_lacks(words, tmp_path):
    other = datasets.write(tmp_path / "other", train=250, validation=61)
    missing = other / "t10k-labels-idx1-ubyte.gz"
    missing.unlink()
    outcome = run_jobs.run(mpirun(2), *program("options_on_rank_1"), *words, "--on-rank-1", "--data-dir", other)
    message = one_line(outcome)
    assert "t10k-labels-idx1-ubyte: is missing" in message
    assert f"rank 1 of 2, on {socket.gethostname()}" in message


def test_horovodrun_tells_bad_input_too(words, tmp_path):
    outcome = run_jobs.run(gloo(2), "train.py", *words, "--data-dir", tmp_path)
    assert outcome.code != 0
    assert len(outcome.errors) == 1
    assert "train-images-idx3-ubyte" in outcome.errors[0]
