"""Processes that do not fit together end together with one line; none trains on alone or waits for ever."""

import re
import socket

import pytest

from tests.support import datasets, run_jobs
from tests.support.run_jobs import gloo, mpirun, records

NO_HOROVOD = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("horovod", "mpi4py"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
"""
# Runs train.py with other words on rank 1.
OTHER_ON_RANK_1 = """
import os, runpy, sys
rank = os.environ.get("HOROVOD_RANK") or os.environ["OMPI_COMM_WORLD_RANK"]
place = sys.argv.index("--on-rank-1")
sys.argv = ["train.py", *sys.argv[1:place], *(sys.argv[place + 1:] if rank == "1" else [])]
runpy.run_path("train.py", run_name="__main__")
"""
# Runs train.py later on rank 0 than on the others.
LATE_RANK_0 = """
import os, runpy, sys, time
if os.environ["OMPI_COMM_WORLD_RANK"] == "0":
    time.sleep(3)
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""
# Runs train.py from a copy of the project whose code differs on rank 1.
OTHER_CODE_ON_RANK_1 = """
import os, runpy, shutil, sys
if os.environ["OMPI_COMM_WORLD_RANK"] == "1":
    copy = sys.argv[1]
    for name in ("lenet", "distributed"):
        shutil.copytree(name, os.path.join(copy, name))
    shutil.copy("train.py", copy)
    with open(os.path.join(copy, "lenet", "loop.py"), "a") as file:
        file.write("# changed on one host\\n")
    os.chdir(copy)
sys.argv = ["train.py", *sys.argv[2:]]
sys.path.insert(0, os.getcwd())
runpy.run_path("train.py", run_name="__main__")
"""
# Raises in the third step of rank 1.
FAILS_ON_RANK_1 = """
import os, runpy, sys
from lenet.training import step
steps, step = [], step.Learner.step
def fail(self, *arguments):
    steps.append(1)
    if len(steps) == 3 and os.environ.get("OMPI_COMM_WORLD_RANK", os.environ.get("HOROVOD_RANK")) == "1":
        raise RuntimeError("the third step fails")
    return step(self, *arguments)
step.Learner.step = fail
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""


@pytest.fixture
def without_horovod(tmp_path):
    """The variables that hide Horovod and MPI from a Python process."""
    folder = tmp_path / "hidden"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NO_HOROVOD)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture
def words(options, tmp_path):
    """A short run of two processes."""
    return [*options(2), "--epochs", 1, "--output-dir", tmp_path / "run"]


def one_line(outcome, code=2):
    """The only error line of a job that ended with `code` and without a traceback."""
    assert outcome.code == code, outcome.text
    assert len(outcome.errors) == 1, outcome.text
    assert "Traceback" not in outcome.text
    return outcome.errors[0]


def test_one_process_needs_no_horovod(finished, options, tmp_path, without_horovod):
    hidden = run_jobs.run([], "-c", "import horovod", **without_horovod)
    assert "No module named 'horovod'" in hidden.err
    folder = run_jobs.train([], tmp_path / "run", *options(), **without_horovod)
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
    message = one_line(run_jobs.run(mpirun(2), "-c", LATE_RANK_0, *words, **alone))
    assert "Open MPI started 2 processes but Horovod sees 1" in message
    assert not (tmp_path / "run").exists()


def test_variables_that_are_no_numbers(words):
    message = one_line(run_jobs.run([], "train.py", *words, OMPI_COMM_WORLD_RANK="x", OMPI_COMM_WORLD_SIZE="2"))
    assert "OMPI_COMM_WORLD_RANK=x" in message


def test_other_data_on_one_rank(words, tmp_path):
    other = datasets.write(tmp_path / "other", train=250, validation=61, seed=3)
    outcome = run_jobs.run(mpirun(2), "-c", OTHER_ON_RANK_1, *words, "--on-rank-1", "--data-dir", other)
    assert_differs(one_line(outcome), "the data")
    assert not (tmp_path / "run").exists()


def test_other_code_on_one_rank(words, tmp_path):
    (tmp_path / "copy").mkdir()
    outcome = run_jobs.run(mpirun(2), "-c", OTHER_CODE_ON_RANK_1, tmp_path / "copy", *words)
    assert_differs(one_line(outcome), "the code")
    assert not (tmp_path / "run").exists()


def assert_differs(message, what):
    host = re.escape(socket.gethostname())
    assert re.match(rf"{what} differs between the processes: rank 0 on {host} .*rank 1 on {host} ", message)


def test_a_file_that_one_rank_lacks(words, tmp_path):
    other = datasets.write(tmp_path / "other", train=250, validation=61)
    missing = other / "t10k-labels-idx1-ubyte.gz"
    missing.unlink()
    outcome = run_jobs.run(mpirun(2), "-c", OTHER_ON_RANK_1, *words, "--on-rank-1", "--data-dir", other)
    message = one_line(outcome)
    assert "t10k-labels-idx1-ubyte: is missing" in message
    assert f"rank 1 of 2, on {socket.gethostname()}" in message


def test_horovodrun_tells_bad_input_too(words, tmp_path):
    outcome = run_jobs.run(gloo(2), "train.py", *words, "--data-dir", tmp_path)
    assert outcome.code != 0
    assert len(outcome.errors) == 1
    assert "train-images-idx3-ubyte" in outcome.errors[0]


@pytest.mark.parametrize("launcher", [mpirun, gloo])
def test_an_exception_on_one_rank_ends_all(words, tmp_path, launcher):
    """Without an abort, rank 0 would wait for the gradients of rank 1 for ever: past the limit here."""
    words += ["--epochs", 1000, "--stall-timeout", 1000]
    with run_jobs.python(launcher(2), "-c", FAILS_ON_RANK_1, *words) as job:
        outcome = job.wait(limit=60)
        run_jobs.until(lambda: not job.processes(), limit=20)
    assert outcome.code != 0
    assert re.search(r"error: rank 1 of 2 on \S+: the third step fails", outcome.text)
    assert len(records(tmp_path / "run", "step")) <= 2
