"""What the environment tells of the launcher, and what is settled in it before anything loads."""

import pytest

from distributed import World, connect
from distributed.environment import settle
from distributed.errors import InputError
from distributed.launcher import Launch, read_launch

# What srun gives to rank 1 of 4.
STEP = {"SLURM_NTASKS": "4", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "4"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"OMPI_COMM_WORLD_RANK": "1"}, None),
        (
            {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"},
            Launch("Open MPI", rank=1, size=4, local_size=2),
        ),
        (
            {"HOROVOD_RANK": "0", "HOROVOD_SIZE": "2", "PMI_RANK": "0", "PMI_SIZE": "1"},
            Launch("horovodrun", 0, 2, 1),
        ),
        ({"PMI_RANK": "2", "PMI_SIZE": "3"}, Launch("MPICH", 2, 3, 1)),
    ],
)
def test_what_the_launcher_says(environment, expected):
    assert read_launch(environment) == expected


def test_a_launcher_that_does_not_give_numbers():
    with pytest.raises(InputError, match="OMPI_COMM_WORLD_RANK=x"):
        read_launch({"OMPI_COMM_WORLD_RANK": "x", "OMPI_COMM_WORLD_SIZE": "4"})


def test_one_thread_and_a_quiet_wait_unless_the_user_has_chosen():
    environment = {"HOROVOD_CYCLE_TIME": "3"}
    settle(environment)
    own = {"OMP_NUM_THREADS": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}
    assert environment["HOROVOD_CYCLE_TIME"] == "3"
    assert own.items() <= environment.items()
    chosen = {"OMP_NUM_THREADS": "5"}
    settle(chosen)
    assert chosen["OMP_NUM_THREADS"] == "5"


def test_without_a_launcher_there_is_one_process(monkeypatch):
    for name in ("HOROVOD_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert type(connect()) is World


def test_a_batch_script_is_no_launch():
    """Slurm gives it a place of its own, rank 0 of the job's tasks."""
    batch = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    assert read_launch(batch) is None
    assert read_launch({**batch, "SLURM_STEP_NUM_TASKS": "1"}) is None  # srun --pty bash


def test_a_task_of_srun_is_a_launch():
    assert read_launch({**STEP, "PMIX_RANK": "1"}) == Launch("srun", rank=1, size=4, local_size=1, local_rank=1)


def test_a_launcher_inside_of_a_step_comes_first():
    ranks = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}
    assert read_launch({**STEP, "PMIX_RANK": "1", **ranks}).by == "Open MPI"


def test_tasks_without_pmix_are_refused():
    """Each would be a world of one, as srun starts them by default."""
    with pytest.raises(InputError, match=r"srun started 4 processes .* --mpi=pmix"):
        read_launch(STEP)
