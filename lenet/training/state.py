"""All that a run is: where it stands, its weights and its momenta."""

import math
from dataclasses import dataclass, field

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from lenet.model.lenet5 import named_parameters
from lenet.run.progress import Progress, Totals


class Layout:
    """Where each parameter of a network stands in a flat vector of `size` numbers."""

    def __init__(self, net: HybridBlock):
        parameters = named_parameters(net)
        self.variables: dict[str, str] = {name: each.name for name, each in parameters.items()}  # in a traced network
        self.shapes: dict[str, tuple[int, ...]] = {name: each.shape for name, each in parameters.items()}
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.size = sum(sizes)
        ends = np.cumsum(sizes).tolist()
        self.ranges = {name: (end - size, end) for name, size, end in zip(self.shapes, sizes, ends)}

    def views(self, vector: nd.NDArray) -> dict[str, nd.NDArray]:
        """The parameters by name, in their shapes, as parts of `vector` (at least `size` long): no copies."""
        return {name: vector[begin:end].reshape(self.shapes[name]) for name, (begin, end) in self.ranges.items()}

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """The same for a vector in host memory."""
        return {name: vector[begin:end].reshape(self.shapes[name]) for name, (begin, end) in self.ranges.items()}

    def join(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """The float32 vector whose parts are `arrays`."""
        return np.concatenate([np.asarray(arrays[name], np.float32).ravel() for name in self.shapes])


@dataclass(eq=False)
class TrainState:
    """Weights and momenta as one float32 vector each (parameters,), and the progress that has led to them.

    This is what is saved, restored, sent to all ranks and kept in memory; nothing else decides how a run goes on.
    """

    layout: Layout
    weights: nd.NDArray
    momenta: nd.NDArray  # zero without momentum
    progress: Progress = field(default_factory=Progress)
    totals: Totals = field(default_factory=Totals)  # of the epoch that is not finished

    @classmethod
    def of(cls, net: HybridBlock, device: mx.Context) -> "TrainState":
        """The state at the start of a run: the weights of `net`, no momentum."""
        layout = Layout(net)
        first = layout.join({name: each.data().asnumpy() for name, each in named_parameters(net).items()})
        return cls(layout, nd.array(first, ctx=device), nd.zeros(layout.size, ctx=device))

    def set(self, weights: dict[str, np.ndarray], momenta: dict[str, np.ndarray]) -> None:
        """Take the values in arrays by parameter name."""
        device = self.weights.context
        self.weights[:] = nd.array(self.layout.join(weights), ctx=device)
        self.momenta[:] = nd.array(self.layout.join(momenta), ctx=device)

    def copy_to(self, net: HybridBlock) -> None:
        """Give `net`, of this layout, a copy of the weights."""
        parameters = named_parameters(net)
        for name, weight in self.layout.views(self.weights).items():
            parameters[name].set_data(weight)
