"""A step of all ranks: the gradients of its shards, their sum, the update of the weights."""

from collections.abc import Sequence
from typing import Protocol

from mxnet import nd
from mxnet.gluon import HybridBlock

from distributed import World
from lenet.config import Config
from lenet.data.batches import Batches
from lenet.training.exact_sum import ShardSum
from lenet.training.native_computation import NativeComputation
from lenet.training.objective import Objective
from lenet.training.shard_loop import ShardLoop
from lenet.training.state import TrainState
from lenet.training.step_vector import StepMetrics, StepVector


class Computation(Protocol):
    """What computes steps on this rank, queued on the device or at once.

    It is made for a TrainState, which `update` changes in place, and a ShardSum, whose `total` is laid out as a
    StepVector: `compute` writes it, all ranks add it up, `update` reads it.
    """

    def compute(self, order: nd.NDArray, begin: int, end: int, starts: Sequence[int]) -> None:
        """Write the sum over this rank's shards, those of the step's images `order[begin:end]` that begin at `starts`.

        `order` (images,) is int32. All of `total` is overwritten: zeros where there is no shard, and for the requests.
        The loss, and with it the gradients, is multiplied by the ShardSum's scale and divided by the step's images.
        """

    def update(self, rate: float) -> None:
        """Take the step: change the state by the sum over all ranks, with the learning rate `rate`."""


class Step:
    """Takes steps: changes `state` by the gradients of all ranks."""

    def __init__(
        self,
        net: HybridBlock,
        state: TrainState,
        objective: Objective,
        config: Config,
        data: Batches,
        threads: int | None = None,
    ):
        """`net` has the parameters in `state`; with `threads` native code computes it, in that many of them."""
        self.state, self.config, self.data = state, config, data
        self.places = StepVector(state, objective.metrics)
        tail = self.places.size - state.trained.layout.size
        self.sum = ShardSum(config.exchange, self.places.size, tail, state.device)
        self.requests, self.report = self.sum.total[self.places.requests], self.sum.total[self.places.report]
        rest = (state, objective, config, data, self.places, self.sum)
        self.computation: Computation = NativeComputation(*rest, threads) if threads else ShardLoop(net, *rest)

    def take(
        self, world: World, order: nd.NDArray, begin: int, end: int, learning_rate: float, requests: Sequence[bool]
    ) -> nd.NDArray:
        """Queue one step of all ranks with the images `order[begin:end]` on the device, without waiting.

        `order` (images,) int32 is on the device; `requests` are this rank's to stop and to resize. Returns what
        `read` makes StepMetrics of: it has travelled with the gradients, so that every rank reads the same.
        """
        self.computation.compute(order, begin, end, world.split(range(begin, end, self.config.shard)))
        if any(requests):
            self.requests[:] = nd.array([int(each) for each in requests], ctx=self.state.device)
        self.sum.allreduce(world)
        self.computation.update(learning_rate)
        return self.report.copy()

    def read(self, report: nd.NDArray) -> StepMetrics:
        """The metrics of a step that `take` has returned; waits for that step."""
        return self.places.read(report.asnumpy(), self.sum.scale)

    def shards_of(self, images: int) -> int:
        """How many shards a step of `images` images has."""
        return -(-images // self.config.shard)
