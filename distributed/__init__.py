"""What many processes do together; the only place that imports Horovod or mpi4py."""

from distributed.connect import connect
from distributed.environment import LaunchError
from distributed.job import run_job
from distributed.world import World

__all__ = ["LaunchError", "World", "connect", "run_job"]
