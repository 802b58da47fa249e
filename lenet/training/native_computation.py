"""Computes a rank's part of a step of LeNet-5 in C++: all of its shards in one operation, the update in another."""

from collections.abc import Sequence

from mxnet import nd

from lenet.config import Config
from lenet.data.batches import Batches
from lenet.native.operations import NativeData, NativeShards, NativeUpdate
from lenet.native.tasks import Rule
from lenet.training.exact_sum import FIXED_POINT, ShardSum
from lenet.training.objective import Objective
from lenet.training.optimizer import SGD, choose_optimizer
from lenet.training.state import TrainState
from lenet.training.step_vector import StepVector


class NativeComputation:
    """The Computation of LeNet-5 on a CPU, in `threads` threads, which change no bit."""

    def __init__(
        self,
        state: TrainState,
        objective: Objective,
        config: Config,
        data: Batches,
        places: StepVector,
        total: ShardSum,
        threads: int,
    ):
        self.state, self.config, self.data, self.places, self.sum = state, config, data, places, total
        native = NativeData(data.images, data.labels, data.mean, data.std, objective.classes)
        self.shards = NativeShards(native, config.shard, objective.smoothing, threads)
        self.native_update = _native_update(config)
        self.slots = [state.slots[name] for name in self.native_update.slots]
        self.is_exact = config.exchange == "exact"
        # Whole numbers of 2**-40; the ranks add up floats where the exchange is not exact.
        self.whole = total.total if self.is_exact else nd.zeros(places.size, dtype="int64")
        self.scaled = slice(0, places.metrics.start + 1)  # the gradients and the loss

    def compute(self, order: nd.NDArray, begin: int, end: int, starts: Sequence[int]) -> None:
        """As Computation.compute."""
        rows = range(starts[0], min(starts[-1] + self.config.shard, end)) if starts else range(begin, begin)
        self.shards.compute(self.state.trained.vector, order, rows, end - begin, self.whole, self.data.draws)
        if not self.is_exact:
            nd.cast(self.whole, dtype="float32", out=self.sum.total)
            self.sum.total[self.scaled] /= FIXED_POINT

    def update(self, rate: float) -> None:
        """As Computation.update."""
        if not self.is_exact:
            self.whole[self.scaled] = (self.sum.total[self.scaled] * FIXED_POINT).astype("int64")
        weights, number = self.state.trained.vector, self.state.progress.step + 1
        self.native_update.take(weights, self.slots, self.whole, rate, number)


def _native_update(config: Config) -> NativeUpdate:
    """The native form of the optimizer that `config` names: of what optimizer.py says."""
    optimizer, clip_norm = choose_optimizer(config), config.clip_norm
    if isinstance(optimizer, SGD):
        rule = Rule.NESTEROV if optimizer.momentum else Rule.SGD
        return NativeUpdate(rule, optimizer.weight_decay, optimizer.momentum, clip_norm=clip_norm)
    rule, betas = Rule.ADAMW if optimizer.is_decoupled else Rule.ADAM, (optimizer.beta1, optimizer.beta2)
    return NativeUpdate(rule, optimizer.weight_decay, 0, *betas, optimizer.epsilon, clip_norm)
