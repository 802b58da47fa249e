"""The world that Horovod makes of several processes."""

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import horovod.mxnet as hvd
import mxnet as mx
import numpy as np

from distributed import affinity
from distributed.failure_detector import FailureDetector
from distributed.watchdog import Watchdog
from distributed.world import World

# Half floats hold 6e-8 to 65504; gradients of a mean are small, so they travel enlarged. A power of two: exact.
FLOAT16_SCALE = 256.0
NETWORK_ERROR = re.compile("horovod|gloo|nccl|mpi_|connection|timed? ?out|broken pipe|socket", re.IGNORECASE)


class HorovodWorld(World):
    """All ranks of a Horovod job. Its collectives raise MXNetError when a rank is lost."""

    def __init__(self, watchdog: Watchdog | None = None) -> None:
        super().__init__(watchdog)
        self.heartbeat("Horovod's start on all ranks")
        older = affinity.threads()
        hvd.init()
        started = [thread for thread in affinity.threads() if thread not in older]
        self.heartbeat("the connections of the failure detector")
        self.rank, self.size = hvd.rank(), hvd.size()
        self.local_rank, self.local_size = hvd.local_rank(), hvd.local_size()
        self.calls = 0
        self._schedule(started)
        self.failure_detector = FailureDetector(self)

    def allreduce(self, vector: mx.nd.NDArray) -> None:
        """One call, one buffer. The name stays the same, so that Horovod's response cache knows it; MXNet's engine
        keeps two steps apart, because both write the same array.
        """
        self._check_outside_block()
        hvd.allreduce_(vector, op=hvd.Sum, name=f"step.{np.dtype(vector.dtype).name}")

    def allreduce_float16(self, vector: mx.nd.NDArray) -> None:
        self._check_outside_block()
        half = (vector * FLOAT16_SCALE).astype("float16")
        hvd.allreduce_(half, op=hvd.Sum, name="step.float16")
        vector[:] = half.astype("float32") / FLOAT16_SCALE

    def broadcast(self, arrays: Sequence[mx.nd.NDArray]) -> None:
        self._check_outside_block()
        for array in arrays:
            hvd.broadcast_(array, root_rank=0, name=self._name("broadcast"))
            array.wait_to_read()

    def all_gather_object(self, value: Any) -> list[Any]:
        self._check_outside_block()
        payload = np.frombuffer(json.dumps(value).encode(), np.uint8)
        lengths = self._allgather(np.array([len(payload)], np.int32))
        ends = np.cumsum(lengths)
        text = self._allgather(payload).tobytes()
        return [json.loads(text[end - length : end]) for end, length in zip(ends, lengths)]

    def close(self) -> None:
        self.may_exit = True
        self.heartbeat("the end of all ranks")
        mx.nd.waitall()
        hvd.shutdown()

    def describe_failure(self, error: Exception) -> str | None:
        if self._is_loss(error):
            return f"{self.failure_detector.first_lost(seconds=0) or 'another rank'} is lost"
        return super().describe_failure(error)

    def abort(self, code: int) -> NoReturn:
        """mpirun alone would let the others wait in their allreduce; MPI's abort ends them. horovodrun does so itself.

        No atexit handler runs: Horovod's and MXNet's would wait for the very ranks that are lost.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        if hvd.mpi_enabled():
            import mpi4py

            mpi4py.rc.initialize = mpi4py.rc.finalize = False
            from mpi4py import MPI

            MPI.COMM_WORLD.Abort(code)
        os._exit(code)

    def _schedule(self, started: list[int]) -> None:
        """Keep Horovod's threads, which it has `started` in this order, from taking the cores of the network.

        Under Gloo the last one is the loop that moves the data: it spins while another rank's data is here before
        this rank asks for it. Under MPI the first one looks for messages all the time; it gives way only where no
        other rank computes on its core, which would keep all ranks waiting for it.

        Ranks that are all of their job share out their host's cores, as mpirun does for two of them. Where others may
        use the same cores without our knowing, as two "hosts" on one machine do, binding would heap ranks on a core.
        """
        affinities = self.all_gather_object(sorted(os.sched_getaffinity(0)))
        by_mpi = hvd.mpi_enabled()
        if started and not (by_mpi and len(set().union(*affinities)) < self.local_size):
            affinity.yield_to_others(started[0 if by_mpi else -1])
        cores = affinity.cores_of(self.local_rank, affinities)
        if self.local_size == self.size and cores:
            affinity.bind(cores)

    def _is_loss(self, error: Exception) -> bool:
        """Did MXNet's `error` come from a rank that is gone? The failure detector cannot see a cut network."""
        if not isinstance(error, mx.MXNetError):
            return False
        return self.failure_detector.first_lost(seconds=2) is not None or bool(NETWORK_ERROR.search(str(error)))

    def _allgather(self, array: np.ndarray) -> np.ndarray:
        """The rows of every rank's `array`, a numpy array on the host, one below the other."""
        sent = mx.nd.array(array, ctx=mx.cpu(), dtype=array.dtype)
        return hvd.allgather(sent, name=self._name("gather")).asnumpy()

    def _name(self, kind: str) -> str:
        """A name that no earlier call had: a rank that runs ahead must not meet the last call of a slower one."""
        self.calls += 1
        return f"{kind}.{self.calls}"
