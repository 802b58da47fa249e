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
        hvd.init()
        self.heartbeat("the connections of the failure detector")
        self.rank, self.size = hvd.rank(), hvd.size()
        self.local_rank, self.local_size = hvd.local_rank(), hvd.local_size()
        self.calls = 0
        self.failure_detector = FailureDetector(self)

    def allreduce(self, vector: mx.nd.NDArray) -> None:
        """One call, one buffer. The name stays the same, so that Horovod's response cache knows it; MXNet's engine
        keeps two steps apart, because both write the same array.
        """
        hvd.allreduce_(vector, op=hvd.Sum, name=f"step.{np.dtype(vector.dtype).name}")

    def allreduce_float16(self, vector: mx.nd.NDArray) -> None:
        half = (vector * FLOAT16_SCALE).astype("float16")
        hvd.allreduce_(half, op=hvd.Sum, name="step.float16")
        vector[:] = half.astype("float32") / FLOAT16_SCALE

    def broadcast(self, arrays: Sequence[mx.nd.NDArray]) -> None:
        for array in arrays:
            hvd.broadcast_(array, root_rank=0, name=self._name("broadcast"))
            array.wait_to_read()

    def all_gather(self, value: Any) -> list[Any]:
        payload = np.frombuffer(json.dumps(value).encode(), np.uint8)
        lengths = self._allgather(np.array([len(payload)], np.int32))
        ends = np.cumsum(lengths)
        text = self._allgather(payload).tobytes()
        return [json.loads(text[end - length : end]) for end, length in zip(ends, lengths)]

    def close(self) -> None:
        self.is_over = True
        self.heartbeat("the end of all ranks")
        mx.nd.waitall()
        hvd.shutdown()

    def explain(self, error: Exception) -> str | None:
        if self._is_loss(error):
            return f"{self.failure_detector.first_lost(seconds=0) or 'another rank'} is lost"
        return super().explain(error)

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
