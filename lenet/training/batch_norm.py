"""Running statistics of BatchNorm, whose next values are the exact mean over the shards of a step.

Every shard starts from the values that the step starts from, wherever it is computed.
"""

from mxnet import nd

from lenet.training.exact_sum import LARGEST
from lenet.training.state import TrainState


class BatchNormStatistics:
    """The statistics in `state.running`, and those of a shard in the vector `shard`, which MXNet updates there.

    They are added up in a fixed-point sum `scale` times too large, as the gradients are.
    """

    def __init__(self, state: TrainState, shard: nd.NDArray, scale: float):
        self.state, self.shard, self.whole_scale = state, shard, scale
        self.shards, self.scale = 1, scale
        self.squared_length = nd.zeros(1, ctx=shard.context)
        self.in_range = nd.zeros(1, ctx=shard.context)

    def begin_step(self, shards: int) -> None:
        """Begin a step of `shards` shards of all ranks; the more there are, the smaller the scale of the sum."""
        self.shards, self.scale = shards, self.whole_scale / (1 << (shards - 1).bit_length())

    def begin_shard(self) -> None:
        """Set the shard's statistics to those that the step starts from."""
        self.state.running.vector.copyto(self.shard)

    def end_shard(self) -> nd.NDArray:
        """Scale the statistics that the shard has computed. Returns 1 if they can be added up, else 0, (1,).

        In place, since a write waits for what was queued before it. A read would not: BatchNorm's backward changes the
        statistics, and MXNet's engine takes that for a read too.
        """
        nd._internal._mul_scalar(self.shard, scalar=self.scale, out=self.shard)
        nd.multi_sum_sq(self.shard, num_arrays=1, out=self.squared_length)
        largest = (LARGEST * self.scale) ** 2  # so that the sum over all shards fits too
        nd._internal._lesser_equal_scalar(self.squared_length, scalar=largest, out=self.in_range)
        return self.in_range

    def end_step(self, total: nd.NDArray) -> None:
        """Set the state's statistics to the mean of the sum `total` over all shards of all ranks."""
        mean = total.astype("float64") / (self.scale * self.shards)
        nd.cast(mean, dtype="float32", out=self.state.running.vector)
