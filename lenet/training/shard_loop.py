"""Computes a rank's part of a step with MXNet, a shard after the other."""

from collections.abc import Sequence

from mxnet import nd
from mxnet.gluon import HybridBlock

from lenet.config import Config
from lenet.data.batches import Batches
from lenet.model.graph import is_random, trace
from lenet.training.batch_norm import BatchNormStatistics
from lenet.training.exact_sum import LARGEST, ShardSum
from lenet.training.objective import Objective
from lenet.training.optimizer import choose_optimizer, clip
from lenet.training.shard import BoundShard, ImperativeShard, ShardGraph, ShardOutputs, seed_generator
from lenet.training.state import TrainState
from lenet.training.step_vector import StepVector


class ShardLoop:
    """The Computation of any network: a bound executor for each size of shard, or the plain layers to debug."""

    def __init__(
        self,
        net: HybridBlock,
        state: TrainState,
        objective: Objective,
        config: Config,
        data: Batches,
        places: StepVector,
        total: ShardSum,
    ):
        self.state, self.config, self.data, self.places, self.sum = state, config, data, places, total
        self.graph, self.is_random = ShardGraph(net, data, objective), is_random(trace(net))
        self.optimizer = choose_optimizer(config)
        self.kind = ImperativeShard if config.debug else BoundShard
        self.shards: dict[int, BoundShard | ImperativeShard] = {}  # by size
        self.vector = nd.zeros(places.size, ctx=state.device)  # of a shard
        self.gradients, self.in_range = self.vector[places.gradients], self.vector[places.in_range]
        has_statistics = state.running.layout.size > 0
        self.outputs = ShardOutputs(
            self.gradients,
            self.vector[places.statistics] if has_statistics else None,
            self.vector[places.metrics],
        )
        self.statistics: BatchNormStatistics | None = None
        if self.outputs.statistics is not None:
            self.statistics = BatchNormStatistics(state, self.outputs.statistics, total.scale)
        self.scale = nd.zeros(1, ctx=state.device)  # what a shard's summed loss is multiplied with
        self.images = 0  # of the step that `scale` is for
        self.squared_length = nd.zeros(1, ctx=state.device)

    def compute(self, order: nd.NDArray, begin: int, end: int, starts: Sequence[int]) -> None:
        """As Computation.compute."""
        size, epoch = self.config.shard, self.state.progress.epoch
        shards = -(-(end - begin) // size)  # of all ranks
        if end - begin != self.images:
            self.images = end - begin
            self.scale[:] = self.sum.scale / self.images
        if self.statistics:
            self.statistics.begin_step(shards)
        for start in starts:
            if self.is_random:
                seed_generator(self.config.seed, epoch, start, self.state.device)
            self._compute(order[start : min(start + size, end)], shards)
            self.sum.add(self.vector, is_first=start == starts[0])
        if not starts:
            self.sum.clear()

    def update(self, rate: float) -> None:
        """As Computation.update."""
        nd.cast(self.sum.gradients, dtype="float32", out=self.gradients)
        if self.config.clip_norm is not None:
            clip(self.gradients, self.config.clip_norm * self.sum.scale)
        if self.statistics:
            self.statistics.end_step(self.sum.total[self.places.statistics])
        weights, number = self.state.trained.vector, self.state.progress.step + 1
        self.optimizer.update(weights, self.state.slots, self.gradients, rate, self.sum.scale, number)

    def _compute(self, rows: nd.NDArray, shards: int) -> None:
        """Write the results of the shard of the images `rows` (n,) int32, one of `shards` of a step, into `vector`."""
        size = len(rows)
        if size not in self.shards:
            self.shards[size] = self.kind(self.graph, self.data, size, self.state, self.outputs, self.scale)
        if self.statistics:
            self.statistics.begin_shard()
        self.shards[size].compute(rows)
        nd.multi_sum_sq(self.gradients, num_arrays=1, out=self.squared_length)
        largest = (LARGEST * self.sum.scale / shards) ** 2  # so that the sum is in range too
        nd._internal._lesser_equal_scalar(self.squared_length, scalar=largest, out=self.in_range)
        if self.statistics:
            nd.elemwise_mul(self.in_range, self.statistics.end_shard(), out=self.in_range)
