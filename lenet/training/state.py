"""What a run is: its parameters and the optimizer's slots as flat vectors, and the progress that led to them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock, Parameter

from lenet.model.graph import trace
from lenet.model.parameters import named_parameters
from lenet.run.progress import Progress, Totals


class Layout:
    """The place of each of `parameters`, by name, in a flat vector of `size` numbers.

    A parameter that has two names is there once.
    """

    def __init__(self, parameters: Mapping[str, Parameter]):
        self.variables: dict[str, str] = {name: each.name for name, each in parameters.items()}  # in a traced network
        self.shapes: dict[str, tuple[int, ...]] = {name: each.shape for name, each in parameters.items()}
        self.ranges: dict[str, tuple[int, int]] = {}
        self.size = 0
        first_names: dict[str, str] = {}
        for name, variable in self.variables.items():
            first = first_names.setdefault(variable, name)
            if first == name:
                begin, self.size = self.size, self.size + math.prod(self.shapes[name])
                self.ranges[name] = (begin, self.size)
            self.ranges[name] = self.ranges[first]

    def views(self, vector: nd.NDArray) -> dict[str, nd.NDArray]:
        """The parameters by name, in their shapes, as parts of `vector` (at least `size` long): no copies."""
        return {name: vector[begin:end].reshape(self.shapes[name]) for name, (begin, end) in self.ranges.items()}

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """The same for a vector in host memory."""
        return {name: vector[begin:end].reshape(self.shapes[name]) for name, (begin, end) in self.ranges.items()}

    def join(self, arrays: Mapping[str, np.ndarray], device: mx.Context) -> nd.NDArray:
        """The float32 vector on `device` whose parts are `arrays`, which may hold others too."""
        vector = np.zeros(max(1, self.size), np.float32)  # MXNet has no empty array
        for name, (begin, end) in self.ranges.items():
            vector[begin:end] = arrays[name].ravel()
        return nd.array(vector, ctx=device)


@dataclass(frozen=True, eq=False)
class FlatParameters:
    """Parameters as one float32 vector on a device; it is changed in place."""

    layout: Layout
    vector: nd.NDArray  # (layout.size,); one unused number where the layout is empty

    @classmethod
    def of(cls, parameters: Mapping[str, Parameter], device: mx.Context) -> "FlatParameters":
        """Copies of `parameters` on `device`."""
        layout = Layout(parameters)
        return cls(layout, layout.join({name: each.data().asnumpy() for name, each in parameters.items()}, device))

    def views(self) -> dict[str, nd.NDArray]:
        """The parameters by name, as parts of the vector."""
        return self.layout.views(self.vector)

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies in host memory, by name."""
        return self.layout.split(self.vector.asnumpy())

    def set(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Overwrite the parameters by those of `arrays`, which may hold others too."""
        self.vector[:] = self.layout.join(arrays, self.vector.context)


@dataclass(eq=False)
class TrainState:
    """All that training changes: it is saved, restored, broadcast and kept in memory, and decides what follows."""

    trained: FlatParameters  # with a gradient
    running: FlatParameters  # changed by a forward: running statistics of BatchNorm, MXNet's auxiliary states
    frozen: FlatParameters  # changed by nothing: frozen parameters, and those that the graph does not use
    slots: dict[str, nd.NDArray]  # the optimizer's vectors, of the layout of `trained`
    progress: Progress = field(default_factory=Progress)
    totals: Totals = field(default_factory=Totals)  # of the epoch that is not finished
    best: int = 0  # correct predictions of the best evaluation so far

    @classmethod
    def of(cls, net: HybridBlock, device: mx.Context, slots: Sequence[str]) -> "TrainState":
        """The state at the start of a run: the parameters of `net`, and zeros in each of `slots`."""
        graph = trace(net)
        arguments, auxiliary = set(graph.list_arguments()), set(graph.list_auxiliary_states())
        groups: tuple[dict[str, Parameter], ...] = ({}, {}, {})
        for name, each in named_parameters(net).items():
            is_trained = each.name in arguments and each.grad_req != "null"
            groups[0 if is_trained else 1 if each.name in auxiliary else 2][name] = each
        trained, running, frozen = (FlatParameters.of(group, device) for group in groups)
        return cls(trained, running, frozen, {name: nd.zeros_like(trained.vector) for name in slots})

    @property
    def device(self) -> mx.Context:
        """Where the vectors are."""
        return self.trained.vector.context

    @property
    def vectors(self) -> list[nd.NDArray]:
        """All vectors that hold anything."""
        others = [each.vector for each in (self.running, self.frozen) if each.layout.size]
        return [self.trained.vector, *self.slots.values(), *others]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all parameters by name."""
        return self.trained.layout.shapes | self.running.layout.shapes | self.frozen.layout.shapes

    @property
    def slot_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of what `slot_arrays` returns."""
        return {f"{slot}:{name}": shape for slot in self.slots for name, shape in self.trained.layout.shapes.items()}

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of all parameters in host memory, by name."""
        return self.trained.arrays() | self.running.arrays() | self.frozen.arrays()

    def slot_arrays(self) -> dict[str, np.ndarray]:
        """Copies of the slots in host memory, by `slot:parameter`."""
        parts = {slot: self.trained.layout.split(vector.asnumpy()) for slot, vector in self.slots.items()}
        return {f"{slot}:{name}": array for slot, arrays in parts.items() for name, array in arrays.items()}

    def set(self, parameters: Mapping[str, np.ndarray], slots: Mapping[str, np.ndarray]) -> None:
        """Overwrite all vectors by arrays as `parameters()` and `slot_arrays()` return them."""
        for group in (self.trained, self.running, self.frozen):
            group.set(parameters)
        for slot, vector in self.slots.items():
            arrays = {name: slots[f"{slot}:{name}"] for name in self.trained.layout.shapes}
            vector[:] = self.trained.layout.join(arrays, self.device)

    def copy_to(self, net: HybridBlock) -> None:
        """Set the parameters of `net` to copies of these."""
        parameters = named_parameters(net)
        for name, value in (self.trained.views() | self.running.views() | self.frozen.views()).items():
            parameters[name].set_data(value)
