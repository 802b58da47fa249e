"""What the launcher of this process says about the job, read from the environment alone."""

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

# Rank and size, local rank and local size as each launcher names them. horovodrun stands first: it may itself run under
# MPI or Slurm.
NAMES = {
    "horovodrun": ("HOROVOD_RANK", "HOROVOD_SIZE", "HOROVOD_LOCAL_RANK", "HOROVOD_LOCAL_SIZE"),
    "Open MPI": (
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    "MPICH": ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    # Of the step, not of the job: a batch script is no rank. No local size: Slurm gives each task its own cores.
    "srun": ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""),
}
RENDEZVOUS_SECONDS = 10.0  # to wait for an answer of Gloo's rendezvous server


@dataclass(frozen=True)
class Launch:
    """A launcher's name, and the ranks and sizes that it gave to this process."""

    by: str
    rank: int
    size: int
    local_size: int
    local_rank: int | None = None  # where the launcher does not say


def read_launch(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """The launch of this process, or None where no launcher started it. InputError: its variables do not fit."""
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
    """InputError unless Gloo's rendezvous server can be reached: without it Horovod would end the interpreter."""
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
    """Let the end of a horovodrun that runs mpirun count as a request to stop this process.

    horovodrun becomes `sh -c mpirun …`; a signal sent to it ends that shell alone, and mpirun with all its processes
    would train on with nobody to stop them. Only the processes on the launcher's host can see it; one is enough.
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
    """The parent of a process by number, or None if it is gone (or this is no Linux)."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
