"""A shard: the images that are computed at a time, with the same bits on every rank."""

import hashlib
from dataclasses import dataclass
from types import ModuleType

import mxnet as mx
from mxnet import autograd, nd
from mxnet.gluon import HybridBlock

from lenet.data.batches import Batches
from lenet.model.normalise import Tensor, normalise
from lenet.model.parameters import named_parameters
from lenet.training.objective import Objective
from lenet.training.state import TrainState


def seed_generator(seed: int, epoch: int, begin: int, device: mx.Context) -> None:
    """Seed the random numbers of the shard that begins at the image `begin` of the epoch."""
    digest = hashlib.sha256(f"{seed} {epoch} {begin}".encode()).digest()
    mx.random.seed(int.from_bytes(digest[:4], "little") >> 1, ctx=device)


class ShardGraph(HybridBlock):
    """What is computed of the images of a shard of `data`, as one graph."""

    def __init__(self, net: HybridBlock, data: Batches, objective: Objective):
        super().__init__()
        self.net, self.objective, self.mean, self.std = net, objective, data.mean, data.std

    def hybrid_forward(self, F: ModuleType, pixels: Tensor, labels: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels and labels, as Batches holds them, to the summed loss times `scale` (1,), and the metrics."""
        logits = self.net(normalise(pixels, self.mean, self.std))
        loss, metrics = self.objective.compute(F, logits, labels, scale)
        return loss, F.BlockGrad(metrics)


@dataclass(frozen=True, eq=False)
class ShardOutputs:
    """Where shards write, as flat float32 vectors: gradients as `state.trained`, statistics as `state.running`.

    A forward starts from what `statistics` holds.
    """

    gradients: nd.NDArray
    statistics: nd.NDArray | None  # None where the network has none
    metrics: nd.NDArray  # those of the objective


class BoundShard:
    """The forward and backward of shards of one size: an executor of the traced network.

    It reads the weights in their flat vector and writes its results into theirs: nothing is copied.
    """

    def __init__(
        self,
        graph: ShardGraph,
        data: Batches,
        size: int,
        state: TrainState,
        outputs: ShardOutputs,
        scale: nd.NDArray,
    ):
        device = state.device
        self.data = data
        self.pixels, self.labels = data.buffers(size)
        self.metrics = outputs.metrics
        loss, metrics = graph(*(mx.sym.var(name) for name in ("pixels", "labels", "scale")))
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
        self.heads = [nd.ones(1, ctx=device), nd.zeros_like(self.metrics)]

    def compute(self, rows: nd.NDArray) -> None:
        """Write the results of the images `rows` (n,) int32."""
        self.data.take(rows, self.pixels, self.labels)
        self.executor.forward(is_train=True)
        self.executor.backward(self.heads)
        self.executor.outputs[1].copyto(self.metrics)


class ImperativeShard:
    """The same layer by layer, for a debugger: breakpoints in the network's code see arrays."""

    def __init__(
        self,
        graph: ShardGraph,
        data: Batches,
        size: int,
        state: TrainState,
        outputs: ShardOutputs,
        scale: nd.NDArray,
    ):
        self.graph, self.net, self.state, self.scale = graph, graph.net, state, scale
        self.metrics = outputs.metrics
        self.slopes = state.trained.layout.views(outputs.gradients)
        self.statistics = {} if outputs.statistics is None else state.running.layout.views(outputs.statistics)
        self.data = data
        self.pixels, self.labels = data.buffers(size)

    def compute(self, rows: nd.NDArray) -> None:
        """As BoundShard.compute."""
        self.data.take(rows, self.pixels, self.labels)
        self.state.copy_to(self.net)
        with autograd.record():
            loss, metrics = self.graph(self.pixels, self.labels, self.scale)
        loss.backward()
        nd.waitall()  # for the statistics: see BatchNormStatistics.end_shard
        parameters = named_parameters(self.net)
        for name, slope in self.slopes.items():
            slope[:] = parameters[name].grad()
        for name, statistic in self.statistics.items():
            statistic[:] = parameters[name].data()
        metrics.copyto(self.metrics)
