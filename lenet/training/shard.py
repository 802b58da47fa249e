"""A shard: the images that are computed at a time, with the same bits wherever that happens."""

from types import ModuleType

import mxnet as mx
from mxnet import autograd, gluon, nd
from mxnet.gluon import HybridBlock

from lenet.data.batches import Batches
from lenet.model.lenet5 import named_parameters
from lenet.model.pixels import Tensor, normalise
from lenet.training.state import TrainState

METRICS = 3  # numbers that a shard tells besides its gradients: loss, correct, images


class Objective(HybridBlock):
    """What a step computes of a shard's images of `data`, as one graph."""

    def __init__(self, net: HybridBlock, data: Batches):
        super().__init__()
        self.mean, self.std = data.mean, data.std
        self.net, self.cross_entropy = net, gluon.loss.SoftmaxCrossEntropyLoss()

    def hybrid_forward(self, F: ModuleType, pixels: Tensor, labels: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels and labels, as Batches holds them, to the summed loss times `scale` (1,), and metrics (3,)."""
        logits = self.net(normalise(pixels, self.mean, self.std))
        loss = self.cross_entropy(logits, labels).sum() * scale
        correct = F.broadcast_equal(logits.argmax(axis=1), labels.astype("float32")).sum()
        images = F.ones_like(labels).astype("float32").sum()
        return loss, F.BlockGrad(F.concat(loss, correct, images, dim=0))


class BoundShard:
    """The forward and backward of shards of one size: an executor of the traced network.

    It reads the weights in their flat vector and writes the gradients into theirs: nothing is copied.
    """

    def __init__(
        self,
        net: HybridBlock,
        data: Batches,
        size: int,
        state: TrainState,
        gradients: nd.NDArray,
        scale: nd.NDArray,
    ):
        device = state.weights.context
        self.data = data
        self.pixels, self.labels = data.buffers(size)
        loss, metrics = Objective(net, data)(*(mx.sym.var(name) for name in ("pixels", "labels", "scale")))
        weights, slopes = state.layout.views(state.weights), state.layout.views(gradients)
        variables = state.layout.variables
        self.executor = mx.sym.Group([loss, metrics]).bind(
            device,
            args={"pixels": self.pixels, "labels": self.labels, "scale": scale}
            | {variables[name]: weight for name, weight in weights.items()},
            args_grad={variables[name]: slope for name, slope in slopes.items()},
            grad_req=dict.fromkeys(variables.values(), "write"),
        )
        self.heads = [nd.ones(1, ctx=device), nd.zeros(METRICS, ctx=device)]

    def compute(self, rows: nd.NDArray) -> nd.NDArray:
        """Write the gradients of the images `rows` (n,) int32. Returns loss, correct and images (3,)."""
        self.data.take(rows, self.pixels, self.labels)
        self.executor.forward(is_train=True)
        self.executor.backward(self.heads)
        return self.executor.outputs[1]


class ImperativeShard:
    """The same layer by layer, for a debugger: breakpoints in the network's code see arrays."""

    def __init__(
        self,
        net: HybridBlock,
        data: Batches,
        size: int,
        state: TrainState,
        gradients: nd.NDArray,
        scale: nd.NDArray,
    ):
        self.net, self.state, self.scale = net, state, scale
        self.objective = Objective(net, data)
        self.slopes = state.layout.views(gradients)
        self.data = data
        self.pixels, self.labels = data.buffers(size)

    def compute(self, rows: nd.NDArray) -> nd.NDArray:
        """As BoundShard.compute."""
        self.data.take(rows, self.pixels, self.labels)
        self.state.copy_to(self.net)
        with autograd.record():
            loss, metrics = self.objective(self.pixels, self.labels, self.scale)
        loss.backward()
        for name, parameter in named_parameters(self.net).items():
            self.slopes[name][:] = parameter.grad()
        return metrics
