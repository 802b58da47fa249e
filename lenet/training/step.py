"""A step of all ranks: the gradients of its shards, their sum, the update of the weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from distributed import World
from lenet.config import Config
from lenet.data.batches import Batches
from lenet.model.graph import is_random, trace
from lenet.model.padded import padded_lenet5
from lenet.training import shard
from lenet.training.batch_norm import BatchNormStatistics
from lenet.training.exact_sum import LARGEST, ShardSum
from lenet.training.optimizer import choose_optimizer, clip
from lenet.training.shard import BoundShard, ImperativeShard, Objective, ShardOutputs, seed_generator
from lenet.training.state import TrainState


@dataclass(frozen=True)
class StepMetrics:
    """What travels behind the gradients of a step, summed over all shards and ranks.

    This class alone knows the order of the numbers: a shard's own metrics, then whether its gradients are in range,
    then what each rank asks for.
    """

    loss: float  # cross-entropy in nats, the mean over the step's images
    correct: int
    images: int
    shards_in_range: int  # how many shards had a gradient that could be added up
    stop_requests: int
    resize_requests: int

    COUNT = 6
    IN_RANGE = shard.METRICS
    REQUESTS = shard.METRICS + 1

    @classmethod
    def unpack(cls, numbers: np.ndarray, scale: float) -> "StepMetrics":
        """The metrics in the `numbers` of a step, whose loss is `scale` times too large."""
        return cls(float(numbers[0]) / scale, *(int(number) for number in numbers[1:]))


class Step:
    """Takes steps: changes `state` by the gradients of all ranks."""

    def __init__(self, net: HybridBlock, state: TrainState, config: Config, data: Batches, is_lenet5: bool = True):
        self.state, self.config, self.data = state, config, data
        device, parameters = state.device, state.trained.layout.size
        tail = state.running.layout.size + StepMetrics.COUNT  # what follows the gradients in the sum
        is_plain = config.debug or device.device_type != "cpu" or not is_lenet5
        self.objective = Objective(net if is_plain else padded_lenet5(net), data, config.label_smoothing)
        self.optimizer = choose_optimizer(config)
        self.is_random = is_random(trace(net))
        self.kind = ImperativeShard if config.debug else BoundShard
        self.shards: dict[int, BoundShard | ImperativeShard] = {}  # by size
        self.sum = ShardSum(config.exchange, parameters + tail, tail, device)
        self.total_metrics = self.sum.metrics[state.running.layout.size :]
        self.loss_scale = nd.zeros(1, ctx=device)  # what a shard's summed loss is multiplied with
        self.images_in_step = 0  # that `loss_scale` is for
        # A shard's gradients, with its running statistics, if there are any, and its metrics behind them.
        self.vector = nd.zeros(parameters + tail, ctx=device)
        self.gradients, self.metrics = self.vector[:parameters], self.vector[-StepMetrics.COUNT :]
        self.results = ShardOutputs(
            self.gradients, self.vector[parameters : -StepMetrics.COUNT] if state.running.layout.size else None
        )
        self.statistics: BatchNormStatistics | None = None
        if self.results.statistics is not None:
            self.statistics = BatchNormStatistics(state, self.results.statistics, self.sum.scale)
        self.shard_metrics = self.metrics[: shard.METRICS]
        self.in_range = self.metrics[StepMetrics.IN_RANGE : StepMetrics.IN_RANGE + 1]
        self.squared_length = nd.zeros(1, ctx=device)

    def take(
        self, world: World, order: nd.NDArray, begin: int, end: int, learning_rate: float, requests: Sequence[bool]
    ) -> nd.NDArray:
        """One step of all ranks with the images `order[begin:end]`, queued on the device and not waited for.

        `order` (images,) int32 lies on the device; `requests` are this rank's to stop and to resize. Returns what
        `read` makes StepMetrics of: it has travelled with the gradients, so that every rank reads the same.
        """
        self._scale_loss(end - begin)
        if self.statistics:
            self.statistics.begin_step(self.shards_of(end - begin))
        starts = world.split(range(begin, end, self.config.shard))
        for start in starts:
            if self.is_random:
                seed_generator(self.config.seed, self.state.progress.epoch, start, self.vector.context)
            self._compute(order[start : min(start + self.config.shard, end)])
            self.sum.add(self.vector, is_first=start == starts[0])
        if not starts:
            self.sum.clear()
        if any(requests):
            self.total_metrics[StepMetrics.REQUESTS :] = nd.array(
                [int(each) for each in requests], ctx=self.vector.context
            )
        self.sum.allreduce(world)
        nd.cast(self.sum.gradients, dtype="float32", out=self.gradients)
        if self.config.clip_norm is not None:
            clip(self.gradients, self.config.clip_norm * self.sum.scale)
        if self.statistics:
            self.statistics.end_step(self.sum.metrics[: self.state.running.layout.size])
        weights, number = self.state.trained.vector, self.state.progress.step + 1
        self.optimizer.update(weights, self.state.slots, self.gradients, learning_rate, self.sum.scale, number)
        return self.total_metrics.copy()

    def read(self, numbers: nd.NDArray) -> StepMetrics:
        """The metrics of a step that `take` has returned; waits for that step."""
        return StepMetrics.unpack(numbers.asnumpy(), self.sum.scale)

    def shards_of(self, images: int) -> int:
        """How many shards a step of so many images has."""
        return -(-images // self.config.shard)

    def _scale_loss(self, images: int) -> None:
        if images != self.images_in_step:
            self.images_in_step = images
            self.loss_scale[:] = self.sum.scale / images

    def _compute(self, rows: nd.NDArray) -> None:
        """Write the gradients, statistics and metrics of the shard of the images `rows` (n,) int32 into `vector`."""
        size = len(rows)
        if size not in self.shards:
            self.shards[size] = self.kind(self.objective, self.data, size, self.state, self.results, self.loss_scale)
        if self.statistics:
            self.statistics.begin_shard()
        self.shards[size].compute(rows).copyto(self.shard_metrics)
        nd.multi_sum_sq(self.gradients, num_arrays=1, out=self.squared_length)
        largest = (
            LARGEST * self.sum.scale / self.shards_of(self.images_in_step)
        ) ** 2  # so that the sum is in range too
        nd._internal._lesser_equal_scalar(self.squared_length, scalar=largest, out=self.in_range)
        if self.statistics:
            nd.elemwise_mul(self.in_range, self.statistics.end_shard(), out=self.in_range)
