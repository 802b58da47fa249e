"""Sums over the shards of all ranks, with the same bits for every order of adding."""

import mxnet as mx
from mxnet import nd

from distributed import World

# Exact sums are of whole numbers of 2**-40. A mean loss and its gradients are far from both ends of that: what is
# smaller than 2**-40 does not change a float32 weight, and 2**23 is reached by a run that has diverged.
FIXED_POINT = 2.0**40
LARGEST = 2.0**22  # of the length of one vector of the sum


class ShardSum:
    """The sum of one float32 vector of each shard, on this rank and then over all ranks.

    `exchange` "exact" adds int64, as fixed-point numbers: integers are added without rounding, so the sum has the same
    bits for every order, every partition over ranks and every algorithm of the allreduce. (float64 with pre-rounding,
    Demmel and Nguyen 2013, Fast Reproducible Floating-Point Summation, does the same with twice the passes over the
    vector.) "float32" and "float16" add floats, whose sum depends on all of these.
    """

    def __init__(self, exchange: str, length: int, metrics: int, device: mx.Context):
        """`length` numbers, of which the last `metrics` are counts and a loss: they are never sent as half floats."""
        self.exchange, is_exact = exchange, exchange == "exact"
        self.scale = FIXED_POINT if is_exact else 1.0  # the vectors must be multiplied by it beforehand
        self.total = nd.zeros(length, ctx=device, dtype="int64" if is_exact else "float32")
        self.addend = nd.zeros_like(self.total)
        self.gradients, self.metrics = self.total[: length - metrics], self.total[length - metrics :]

    def add(self, vector: nd.NDArray, is_first: bool) -> None:
        """Add `vector` (length,) float32, `scale` times too large; the first one replaces the sum."""
        target = self.total if is_first else self.addend
        nd.cast(vector, dtype=self.total.dtype, out=target)
        if not is_first:
            nd.elemwise_add(self.total, self.addend, out=self.total)

    def clear(self) -> None:
        """Begin the sum with nothing."""
        self.total[:] = 0

    def allreduce(self, world: World) -> None:
        """Add up the sums of all ranks, in place, without waiting."""
        if self.exchange == "float16":
            world.allreduce(self.gradients, as_float16=True)
            world.allreduce(self.metrics)
        else:
            world.allreduce(self.total)
