"""What many processes do together; the only place that imports Horovod or mpi4py."""

from distributed.connect import connect
from distributed.job import run_job
from distributed.monitor import Position
from distributed.world import World

__all__ = ["Position", "World", "connect", "run_job"]
