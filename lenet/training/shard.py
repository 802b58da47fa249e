"""A shard: the images that are computed at a time, with the same bits wherever that happens."""

import hashlib
from dataclasses import dataclass
from types import ModuleType

import mxnet as mx
from mxnet import autograd, gluon, nd
from mxnet.gluon import HybridBlock

from lenet.data.batches import Batches
from lenet.model.normalise import Tensor, normalise
from lenet.model.parameters import named_parameters
from lenet.training.state import TrainState

METRICS = 3  # numbers that a shard tells besides its gradients: loss, correct, images


def seed_generator(seed: int, epoch: int, begin: int, device: mx.Context) -> None:
    """Let the random numbers of the shard that begins at that image of the epoch depend on nothing else."""
    digest = hashlib.sha256(f"{seed} {epoch} {begin}".encode()).digest()
    mx.random.seed(int.from_bytes(digest[:4], "little") >> 1, ctx=device)


class Objective(HybridBlock):
    """What a step computes of a shard's images of `data`, as one graph."""

    def __init__(self, net: HybridBlock, data: Batches, label_smoothing: float):
        super().__init__()
        self.mean, self.std, self.smoothing = data.mean, data.std, label_smoothing
        self.net, self.cross_entropy = net, gluon.loss.SoftmaxCrossEntropyLoss()

    def hybrid_forward(self, F: ModuleType, pixels: Tensor, labels: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels and labels, as Batches holds them, to the summed loss times `scale` (1,), and metrics (3,)."""
        logits = self.net(normalise(pixels, self.mean, self.std))
        losses = self.cross_entropy(logits, labels)
        if self.smoothing:  # Szegedy et al. 2016, arXiv:1512.00567, section 7
            losses = (1 - self.smoothing) * losses - self.smoothing * F.log_softmax(logits).mean(axis=1)
        loss = losses.sum() * scale
        correct = F.broadcast_equal(logits.argmax(axis=1), labels.astype("float32")).sum()
        images = F.ones_like(labels).astype("float32").sum()
        return loss, F.BlockGrad(F.concat(loss, correct, images, dim=0))


@dataclass(frozen=True, eq=False)
class ShardOutputs:
    """Where shards write, as flat float32 vectors: gradients as `state.trained`, statistics as `state.running`.

    What `statistics` holds before is what a forward starts from.
    """

    gradients: nd.NDArray
    statistics: nd.NDArray | None  # None where the network has none


class BoundShard:
    """The forward and backward of shards of one size: an executor of the traced network.

    It reads the weights in their flat vector and writes its results into theirs: nothing is copied.
    """

    def __init__(
        self,
        objective: Objective,
        data: Batches,
        size: int,
        state: TrainState,
        outputs: ShardOutputs,
        scale: nd.NDArray,
    ):
        device = state.device
        self.data = data
        self.pixels, self.labels = data.buffers(size)
        loss, metrics = objective(*(mx.sym.var(name) for name in ("pixels", "labels", "scale")))
        variables, frozen = state.trained.layout.variables, state.frozen.layout.variables
        slopes = state.trained.layout.views(outputs.gradients)
        statistics = {} if outputs.statistics is None else state.running.layout.views(outputs.statistics)
        self.executor = mx.sym.Group([loss, metrics]).bind(
            device,
            args={"pixels": self.pixels, "labels": self.labels, "scale": scale}
            | {variables[name]: weight for name, weight in state.trained.views().items()}
            | {frozen[name]: constant for name, constant in state.frozen.views().items()},
            args_grad={variables[name]: slope for name, slope in slopes.items()},
            grad_req=dict.fromkeys(variables.values(), "write"),
            aux_states={state.running.layout.variables[name]: each for name, each in statistics.items()},
        )
        self.heads = [nd.ones(1, ctx=device), nd.zeros(METRICS, ctx=device)]

    def compute(self, rows: nd.NDArray) -> nd.NDArray:
        """Write the results of the images `rows` (n,) int32. Returns loss, correct and images (3,)."""
        self.data.take(rows, self.pixels, self.labels)
        self.executor.forward(is_train=True)
        self.executor.backward(self.heads)
        return self.executor.outputs[1]


class ImperativeShard:
    """The same layer by layer, for a debugger: breakpoints in the network's code see arrays."""

    def __init__(
        self,
        objective: Objective,
        data: Batches,
        size: int,
        state: TrainState,
        outputs: ShardOutputs,
        scale: nd.NDArray,
    ):
        self.objective, self.net, self.state, self.scale = objective, objective.net, state, scale
        self.slopes = state.trained.layout.views(outputs.gradients)
        self.statistics = {} if outputs.statistics is None else state.running.layout.views(outputs.statistics)
        self.data = data
        self.pixels, self.labels = data.buffers(size)

    def compute(self, rows: nd.NDArray) -> nd.NDArray:
        """As BoundShard.compute."""
        self.data.take(rows, self.pixels, self.labels)
        self.state.copy_to(self.net)
        with autograd.record():
            loss, metrics = self.objective(self.pixels, self.labels, self.scale)
        loss.backward()
        nd.waitall()  # for the statistics: see BatchNormStatistics.end_shard
        parameters = named_parameters(self.net)
        for name, slope in self.slopes.items():
            slope[:] = parameters[name].grad()
        for name, statistic in self.statistics.items():
            statistic[:] = parameters[name].data()
        return metrics
