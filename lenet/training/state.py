"""All that a run is: where it stands, its weights, momenta and running statistics."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock, Parameter

from lenet.model.graph import trace
from lenet.model.parameters import named_parameters
from lenet.run.progress import Progress, Totals


class Layout:
    """Where each of `parameters`, by name, stands in a flat vector of `size` numbers.

    A parameter of two names stands there once.
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

    def zeros(self, device: mx.Context) -> nd.NDArray:
        """A vector of this layout. MXNet has none without numbers: it has one then."""
        return nd.zeros(max(1, self.size), ctx=device)

    def views(self, vector: nd.NDArray) -> dict[str, nd.NDArray]:
        """The parameters by name, in their shapes, as parts of `vector` (at least `size` long): no copies."""
        return {name: vector[begin:end].reshape(self.shapes[name]) for name, (begin, end) in self.ranges.items()}

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """The same for a vector in host memory."""
        return {name: vector[begin:end].reshape(self.shapes[name]) for name, (begin, end) in self.ranges.items()}

    def join(self, arrays: Mapping[str, np.ndarray], device: mx.Context) -> nd.NDArray:
        """The float32 vector on `device` whose parts are `arrays`, which can hold others too."""
        vector = np.zeros(max(1, self.size), np.float32)
        for name, (begin, end) in self.ranges.items():
            vector[begin:end] = arrays[name].ravel()
        return nd.array(vector, ctx=device)


@dataclass(eq=False)
class TrainState:
    """What training changes, as flat float32 vectors, and the progress that has led to it.

    This is what is saved, restored, sent to all ranks and kept in memory; nothing else decides how a run goes on.
    """

    layout: Layout  # of weights and momenta: what has a gradient
    running: Layout  # of what a forward changes: running statistics of BatchNorm, MXNet's auxiliary states
    constant: Layout  # of what nothing changes: frozen parameters, and those that the graph does not use
    weights: nd.NDArray
    momenta: nd.NDArray  # zero without momentum
    statistics: nd.NDArray
    constants: nd.NDArray
    progress: Progress = field(default_factory=Progress)
    totals: Totals = field(default_factory=Totals)  # of the epoch that is not finished
    best: int = 0  # correct predictions of the best evaluation so far

    @classmethod
    def of(cls, net: HybridBlock, device: mx.Context) -> "TrainState":
        """The state at the start of a run: the parameters of `net`, no momentum."""
        parameters, graph = named_parameters(net), trace(net)
        arguments, auxiliary = set(graph.list_arguments()), set(graph.list_auxiliary_states())
        groups: tuple[dict[str, Parameter], ...] = ({}, {}, {})
        for name, each in parameters.items():
            is_trained = each.name in arguments and each.grad_req != "null"
            groups[0 if is_trained else 1 if each.name in auxiliary else 2][name] = each
        layout, running, constant = layouts = [Layout(group) for group in groups]
        first = {name: each.data().asnumpy() for name, each in parameters.items()}
        weights, statistics, constants = (layout.join(first, device) for layout in layouts)
        return cls(layout, running, constant, weights, nd.zeros_like(weights), statistics, constants)

    @property
    def vectors(self) -> list[nd.NDArray]:
        """Those that hold anything."""
        others = ((self.running, self.statistics), (self.constant, self.constants))
        return [self.weights, self.momenta, *(vector for layout, vector in others if layout.size)]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all parameters by name."""
        return self.layout.shapes | self.running.shapes | self.constant.shapes

    def set(self, parameters: Mapping[str, np.ndarray], momenta: Mapping[str, np.ndarray]) -> None:
        """Take the values in arrays by parameter name."""
        device = self.weights.context
        self.weights[:] = self.layout.join(parameters, device)
        self.momenta[:] = self.layout.join(momenta, device)
        self.statistics[:] = self.running.join(parameters, device)
        self.constants[:] = self.constant.join(parameters, device)

    def parameters(self) -> dict[str, np.ndarray]:
        """All parameters in host memory, by name."""
        weights, statistics, constants = (
            layout.split(vector.asnumpy())
            for layout, vector in (
                (self.layout, self.weights),
                (self.running, self.statistics),
                (self.constant, self.constants),
            )
        )
        return weights | statistics | constants

    def copy_to(self, net: HybridBlock) -> None:
        """Give `net`, of these layouts, a copy of all parameters."""
        parameters = named_parameters(net)
        views = self.layout.views(self.weights) | self.running.views(self.statistics)
        for name, value in (views | self.constant.views(self.constants)).items():
            parameters[name].set_data(value)
