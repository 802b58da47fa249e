"""What many processes do together; the only place that imports Horovod or mpi4py."""

from distributed.connect import connect
from distributed.errors import LaunchError
from distributed.job import run_job
from distributed.world import Position, World

__all__ = ["LaunchError", "Position", "World", "connect", "run_job"]
