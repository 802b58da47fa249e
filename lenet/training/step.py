"""A step of all ranks: the gradients of its shards, their exact sum, the exchange, the update."""

from collections.abc import Sequence
from dataclasses import dataclass

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon import HybridBlock

from distributed import World
from lenet.config import Config
from lenet.data.batches import Batches
from lenet.model.lenet5 import named_parameters, normalise
from lenet.model.padded import padded_lenet5
from lenet.training import sgd
from lenet.training.state import TrainState

# Gradients are added up as whole numbers of 2**-40, so that no order and no algorithm of adding can change a bit of
# the sum. float64's pre-rounding (Demmel and Nguyen 2013) gives the same with twice the passes over the vector.
FIXED_POINT = 2.0**40
LARGEST = 2.0**22  # of the length of a shard's gradient: sums of 2**63 / 2**40 would not fit


@dataclass(frozen=True)
class StepMetrics:
    """What travels behind the gradients of a step, summed over all shards and ranks.

    This class alone knows the order of the numbers.
    """

    loss: float  # cross-entropy in nats, the mean over the step's images
    correct: int
    images: int
    shards_in_range: int  # how many shards had a gradient no longer than LARGEST
    stop_requests: int
    resize_requests: int

    COUNT = 6
    OF_SHARD = 3  # loss, correct and images are the executor's to say
    IN_RANGE = 3
    REQUESTS = 4  # from here on: stop, resize

    @classmethod
    def unpack(cls, numbers: np.ndarray, scale: float) -> "StepMetrics":
        """The metrics in the `numbers` of a step whose loss is `scale` times too large."""
        return cls(float(numbers[0]) / scale, *(int(number) for number in numbers[1:]))


class Objective(HybridBlock):
    """What a step computes of a shard's images, as one graph."""

    def __init__(self, net: HybridBlock):
        super().__init__()
        self.net, self.cross_entropy = net, gluon.loss.SoftmaxCrossEntropyLoss()

    def hybrid_forward(self, F, pixels, labels, scale):
        """Pixels (n, 28, 28) uint8 and labels (n,) uint8 to the loss, summed and times `scale` (1,), and metrics (3,)."""
        logits = self.net(normalise(pixels))
        loss = self.cross_entropy(logits, labels).sum() * scale
        correct = F.broadcast_equal(logits.argmax(axis=1), labels.astype("float32")).sum()
        images = F.ones_like(labels).astype("float32").sum()
        return loss, F.BlockGrad(F.concat(loss, correct, images, dim=0))


class BoundShard:
    """The forward and backward of shards of one size: an executor of the traced network.

    It reads the weights in their flat vector and writes the gradients into theirs: nothing is copied.
    """

    def __init__(self, net: HybridBlock, size: int, state: TrainState, gradients: nd.NDArray, scale: nd.NDArray):
        device = state.weights.context
        self.pixels = nd.zeros((size, 28, 28), ctx=device, dtype="uint8")
        self.labels = nd.zeros(size, ctx=device, dtype="uint8")
        loss, metrics = Objective(net)(*(mx.sym.var(name) for name in ("pixels", "labels", "scale")))
        weights, slopes = state.layout.views(state.weights), state.layout.views(gradients)
        variables = state.layout.variables
        self.executor = mx.sym.Group([loss, metrics]).bind(
            device,
            args={"pixels": self.pixels, "labels": self.labels, "scale": scale}
            | {variables[name]: weight for name, weight in weights.items()},
            args_grad={variables[name]: slope for name, slope in slopes.items()},
            grad_req=dict.fromkeys(variables.values(), "write"),
        )
        self.heads = [nd.ones(1, ctx=device), nd.zeros(StepMetrics.OF_SHARD, ctx=device)]

    def compute(self, data: Batches, rows: nd.NDArray) -> nd.NDArray:
        """Write the gradients of the images `rows` (n,) int32. Returns loss, correct and images (3,)."""
        data.take(rows, self.pixels, self.labels)
        self.executor.forward(is_train=True)
        self.executor.backward(self.heads)
        return self.executor.outputs[1]


class ImperativeShard:
    """The same layer by layer, for a debugger: breakpoints in the network's code see arrays."""

    def __init__(self, net: HybridBlock, size: int, state: TrainState, gradients: nd.NDArray, scale: nd.NDArray):
        self.net, self.state, self.scale = net, state, scale
        self.objective = Objective(net)
        self.slopes = state.layout.views(gradients)
        device = state.weights.context
        self.pixels = nd.zeros((size, 28, 28), ctx=device, dtype="uint8")
        self.labels = nd.zeros(size, ctx=device, dtype="uint8")

    def compute(self, data: Batches, rows: nd.NDArray) -> nd.NDArray:
        """As BoundShard.compute."""
        data.take(rows, self.pixels, self.labels)
        self.state.copy_to(self.net)
        with autograd.record():
            loss, metrics = self.objective(self.pixels, self.labels, self.scale)
        loss.backward()
        for name, parameter in named_parameters(self.net).items():
            self.slopes[name][:] = parameter.grad()
        return metrics


class Step:
    """Takes steps: changes `state` by the gradients of all ranks."""

    def __init__(self, net: HybridBlock, state: TrainState, config: Config, data: Batches):
        self.state, self.config, self.data = state, config, data
        device = state.weights.context
        is_plain = config.debug or device.device_type != "cpu"
        self.net = net if is_plain else padded_lenet5(net)
        self.kind = ImperativeShard if config.debug else BoundShard
        self.is_exact = config.exchange == "exact"
        self.fixed_point = FIXED_POINT if self.is_exact else 1.0
        parameters, length = state.layout.size, state.layout.size + StepMetrics.COUNT
        self.scale = nd.zeros(1, ctx=device)  # what a shard's summed loss is multiplied with
        self.images_in_step = 0  # that `scale` is for
        # A shard writes its gradients, and its metrics behind them, into `shard`; their sum over the shards is `total`.
        self.shard = nd.zeros(length, ctx=device)
        self.total = nd.zeros(length, ctx=device, dtype="int64" if self.is_exact else "float32")
        self.scratch = nd.zeros_like(self.total)
        self.gradients = self.shard[:parameters]
        self.shard_metrics = self.shard[parameters : parameters + StepMetrics.OF_SHARD]
        in_range = parameters + StepMetrics.IN_RANGE
        self.shard_in_range = self.shard[in_range : in_range + 1]
        self.total_gradients, self.total_metrics = self.total[:parameters], self.total[parameters:]
        self.requests = self.total[parameters + StepMetrics.REQUESTS :]
        self.length = nd.zeros(1, ctx=device)
        self.shards: dict[int, BoundShard | ImperativeShard] = {}  # by size

    def take(
        self, world: World, order: nd.NDArray, begin: int, end: int, learning_rate: float, requests: Sequence[bool]
    ) -> nd.NDArray:
        """One step of all ranks with the images `order[begin:end]`, queued on the device and not waited for.

        `order` (images,) int32 lies on the device; `requests` are this rank's to stop and to resize. Returns what
        `read` makes StepMetrics of: it has travelled with the gradients, so that every rank reads the same.
        """
        self._set_scale(end - begin)
        starts = range(begin, end, self.config.shard)
        self._add_up(order, [(start, min(start + self.config.shard, end)) for start in world.part_of(starts)])
        if any(requests):
            self.requests[:] = nd.array([int(each) for each in requests], dtype=self.total.dtype)
        self._exchange(world)
        nd.cast(self.total_gradients, dtype="float32", out=self.gradients)
        sgd.update(
            self.state.weights,
            self.state.momenta,
            self.gradients,
            learning_rate=learning_rate,
            momentum=self.config.momentum,
            weight_decay=self.config.weight_decay,
            scale=self.fixed_point,
        )
        return self.total_metrics.copy()

    def shards_of(self, images: int) -> int:
        """How many shards a step of so many images has."""
        return -(-images // self.config.shard)

    def read(self, numbers: nd.NDArray) -> StepMetrics:
        """The metrics of a step that `take` has returned; waits for that step."""
        return StepMetrics.unpack(numbers.asnumpy(), self.fixed_point)

    def _set_scale(self, images: int) -> None:
        if images != self.images_in_step:
            self.images_in_step = images
            self.scale[:] = self.fixed_point / images

    def _add_up(self, order: nd.NDArray, shards: Sequence[tuple[int, int]]) -> None:
        """Write the sum of the shards' gradients and metrics into `total`: whole numbers, if it is exact."""
        if not shards:
            self.total[:] = 0
        for number, (begin, end) in enumerate(shards):
            self._compute(order[begin:end], end - begin)
            target = self.scratch if number else self.total
            nd.cast(self.shard, dtype=self.total.dtype, out=target)
            if number:
                nd.elemwise_add(self.total, self.scratch, out=self.total)

    def _compute(self, rows: nd.NDArray, size: int) -> None:
        """Write the gradients and metrics of one shard into `shard`."""
        if size not in self.shards:
            self.shards[size] = self.kind(self.net, size, self.state, self.gradients, self.scale)
        self.shards[size].compute(self.data, rows).copyto(self.shard_metrics)
        nd.multi_sum_sq(self.gradients, num_arrays=1, out=self.length)
        nd._internal._lesser_equal_scalar(
            self.length, scalar=(LARGEST * self.fixed_point) ** 2, out=self.shard_in_range
        )

    def _exchange(self, world: World) -> None:
        if self.config.exchange == "float16":
            world.allreduce_float16(self.total_gradients)
            world.allreduce(self.total_metrics)
        else:
            world.allreduce(self.total)
