"""The processes of a job and what they do together. Only this package imports Horovod or mpi4py."""

from distributed.connect import connect
from distributed.job import run_job
from distributed.monitor import Position
from distributed.world import World

__all__ = ["Position", "World", "connect", "run_job"]
