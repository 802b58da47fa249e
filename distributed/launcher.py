"""The launcher of this process and what its environment variables say about the job."""

import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distributed.environment import printable, read_count
from distributed.errors import InputError

# Each launcher's variables for rank and size, local rank and local size. horovodrun is the first: it may run under MPI
# or Slurm.
NAMES = {
    "horovodrun": ("HOROVOD_RANK", "HOROVOD_SIZE", "HOROVOD_LOCAL_RANK", "HOROVOD_LOCAL_SIZE"),
    "Open MPI": (
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    "MPICH": ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    # Those of the step, not of the job: a batch script is no rank. No local size: Slurm binds each task to cores.
    "srun": ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""),
}
RENDEZVOUS_SECONDS = 10.0  # until Gloo's rendezvous server counts as unreachable


@dataclass(frozen=True)
class Launch:
    """A launcher's name, and this process's ranks and sizes."""

    by: str
    rank: int
    size: int
    local_size: int
    local_rank: int | None = None  # where the launcher does not set it


def read_launch(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """The launch of this process; None without a launcher. InputError: the variables contradict each other."""
    for by, names in NAMES.items():
        rank, size, local_rank, local_size = (read_count(environment, name) for name in names)
        if rank is None or size is None or (by == "srun" and size == 1):  # srun --pty bash: a shell, not a job
            continue
        if by == "srun" and "PMIX_RANK" not in environment:
            raise InputError(f"srun started {size} processes that cannot find each other: use srun --mpi=pmix")
        local_size = 1 if local_size is None else local_size
        if not (rank < size and 1 <= local_size <= size):
            raise InputError(f"{by} set {names[0]}={rank} {names[1]}={size} {names[3]}={local_size}: no such place")
        return Launch(by, rank, size, local_size, local_rank)
    return None


def check_rendezvous(environment: Mapping[str, str] = os.environ) -> None:
    """Raise InputError unless Gloo's rendezvous server can be reached: Horovod would end the interpreter."""
    if environment.get("HOROVOD_CONTROLLER") != "gloo":
        return
    host = environment.get("HOROVOD_GLOO_RENDEZVOUS_ADDR", "")
    port = read_count(environment, "HOROVOD_GLOO_RENDEZVOUS_PORT")
    where = f"HOROVOD_GLOO_RENDEZVOUS_ADDR={printable(host)} HOROVOD_GLOO_RENDEZVOUS_PORT={port or ''}"
    try:
        socket.create_connection((host, port or 0), RENDEZVOUS_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(f"{where}: horovodrun is not there ({error}); it sets both for its processes") from None


def follow_horovodrun() -> None:
    """Send SIGTERM to this process when a horovodrun that runs mpirun ends.

    horovodrun becomes `sh -c mpirun …`: a signal ends that shell alone, and mpirun would continue without it. Only
    processes on the launcher's host can see that; one is enough.
    """
    mpirun = os.getppid()
    shell = _parent(mpirun)
    if shell is None or not _command(shell).startswith("/bin/sh -c mpirun "):
        return

    def wait() -> None:
        while _parent(mpirun) == shell:
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="horovodrun").start()


def _parent(process: int) -> int | None:
    """The id of a process's parent; None if the process has ended, and without Linux's /proc."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
