"""The world that Horovod makes of several processes."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import horovod.mxnet as hvd
import mxnet as mx
import numpy as np

from distributed import affinity
from distributed.failure_detector import FailureDetector
from distributed.monitor import Monitor
from distributed.world import Local, World

# Half floats hold 6e-8 to 65504; gradients of a mean are small, so they are scaled up. A power of two: exact.
FLOAT16_SCALE = 256.0


class HorovodWorld(World):
    """All ranks of a Horovod job. Its collectives raise MXNetError when a rank is lost."""

    def __init__(self, monitor: Monitor) -> None:
        super().__init__(monitor)
        monitor.heartbeat("Horovod's start on all ranks")
        older = affinity.threads()
        hvd.init()
        started = [thread for thread in affinity.threads() if thread not in older]
        monitor.heartbeat("the connections of the failure detector")
        self.rank, self.size = hvd.rank(), hvd.size()
        monitor.join(self.rank, self.size)
        self._calls = 0
        cores = self._schedule(started, hvd.local_rank(), hvd.local_size())
        self.local = Local(hvd.local_rank(), hvd.local_size(), cores)
        self._failure_detector = FailureDetector(self)

    def allreduce(self, vector: mx.nd.NDArray, as_float16: bool = False) -> None:
        """Make one call of Horovod with one buffer, whose name stays the same for Horovod's response cache.

        MXNet's engine keeps two steps apart, because both write the same array.
        """
        self._check_outside_block()
        sent = (vector * FLOAT16_SCALE).astype("float16") if as_float16 else vector
        hvd.allreduce_(sent, op=hvd.Sum, name=f"step.{np.dtype(sent.dtype).name}")
        if as_float16:
            vector[:] = sent.astype("float32") / FLOAT16_SCALE

    def broadcast(self, arrays: Sequence[mx.nd.NDArray]) -> None:
        self._check_outside_block()
        for array in arrays:
            hvd.broadcast_(array, root_rank=0, name=self._new_name("broadcast"))
            array.wait_to_read()

    def all_gather_object(self, value: Any) -> list[Any]:
        self._check_outside_block()
        payload = np.frombuffer(json.dumps(value).encode(), np.uint8)
        lengths = self._allgather(np.array([len(payload)], np.int32))
        ends = np.cumsum(lengths)
        text = self._allgather(payload).tobytes()
        return [json.loads(text[end - length : end]) for end, length in zip(ends, lengths)]

    def close(self) -> None:
        self.monitor.allow_exit()
        self.monitor.heartbeat("the end of all ranks")
        mx.nd.waitall()
        hvd.shutdown()

    def _describe(self, error: Exception) -> str | None:
        if self._failure_detector.is_loss(error):
            return self._failure_detector.describe_loss()
        return super()._describe(error)

    def _end_process(self, code: int) -> NoReturn:
        end_process(code)

    def _schedule(self, started: list[int], rank: int, size: int) -> int:
        """Keep Horovod's threads, which it has `started` in this order, from taking the cores of the network.

        Under Gloo the last one is the loop that moves the data: it spins while another rank's data is here before
        this rank asks for it. Under MPI the first one polls for messages all the time; it yields only where no
        other rank computes on its core, which would keep all ranks waiting for it.

        Where all ranks of the job are on one host, each is bound to its share of the cores, as mpirun does for two
        ranks. Other jobs may have further ranks on the same cores, as two "hosts" on one machine do: binding could
        put several ranks on a core. Returns this rank's share of the cores; `rank` and `size` are those of its host.
        """
        everywhere = self.all_gather_object([self.monitor.host, sorted(os.sched_getaffinity(0))])
        affinities = [cores for host, cores in everywhere if host == self.monitor.host]
        by_mpi = hvd.mpi_enabled()
        if started and not (by_mpi and len(set().union(*affinities)) < len(affinities)):
            affinity.yield_to_others(started[0 if by_mpi else -1])
        cores = affinity.cores_of(rank, affinities)
        is_bound = any(other != affinities[0] for other in affinities)  # by the launcher
        if size == self.size and cores:
            affinity.bind(cores)
            is_bound = True
        return affinity.share_of_cores(len(affinities), is_bound)

    def _allgather(self, array: np.ndarray) -> np.ndarray:
        """The rows of every rank's `array`, a numpy array on the host, one below the other."""
        sent = mx.nd.array(array, ctx=mx.cpu(), dtype=array.dtype)
        return hvd.allgather(sent, name=self._new_name("gather")).asnumpy()

    def _new_name(self, kind: str) -> str:
        """A name for one call: a rank that is ahead must not be matched with an earlier call of a slower one."""
        self._calls += 1
        return f"{kind}.{self._calls}"


def end_process(code: int) -> NoReturn:
    """End this process at once, and the job with it: by MPI's abort under mpirun, which would let the other ranks wait.

    Exit handlers do not run: those of Horovod and MXNet would wait for the ranks that are lost.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if hvd.mpi_enabled():
        import mpi4py  # noqa: PLC0415  # it starts MPI unless it is told not to first

        mpi4py.rc.initialize = mpi4py.rc.finalize = False
        from mpi4py import MPI  # noqa: PLC0415

        MPI.COMM_WORLD.Abort(code)
    os._exit(code)
