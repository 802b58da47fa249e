"""The network that is trained: LeNet-5, or one that a function in a user's file makes."""

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from lenet.errors import InputError, shorten
from lenet.model import graph
from lenet.model.initial_weights import initial_weights
from lenet.model.lenet5 import lenet5
from lenet.model.parameters import named_parameters, set_parameters
from lenet.model.user_code import load_function, user_errors
from lenet.native.loader import load_library

LENET5 = "lenet5"
ImageShape = tuple[int, int, int]  # (channels, height, width)


@dataclass(frozen=True, eq=False)
class Network:
    """A network's name, the function that makes it and the digest of its code."""

    name: str  # in the names of files: "LeNet5", or the function's
    digest: str  # SHA-256 of the user's code; "lenet5"
    make: Callable[[int, ImageShape], HybridBlock]  # takes the number of classes and the shape of images
    path: Path | None = None  # the user's file

    @property
    def identity(self) -> str:
        """Return the name that a resumed run must have in common with its checkpoint."""
        return self.name if self.is_lenet5 else f"{self.name} {self.digest}"

    @property
    def is_lenet5(self) -> bool:
        """Return whether it is the tutorial's network."""
        return self.path is None

    def build(self, classes: int, image_shape: ImageShape, seed: int, device: mx.Context) -> HybridBlock:
        """Return a network on `device` that maps (n, *image_shape) float32 to (n, classes) logits.

        `seed` gives its first weights: Xavier (Glorot and Bengio 2010), where its layers do not say
        otherwise. All its shapes are known. InputError: the function fails or makes something else.
        """
        for seed_generator in (mx.random.seed, np.random.seed, random.seed):
            seed_generator(seed)
        with user_errors(self.path) if self.path else nullcontext():
            net = self.make(classes, image_shape)
            if not isinstance(net, HybridBlock):
                raise InputError(f"{self.path}: {self.name} returned a {type(net).__name__}, not a HybridBlock")
            net.initialize(mx.init.Xavier(), ctx=device)
            net.collect_params().reset_ctx(device)
            net.hybridize(active=False)
            # Two images: one could hide that a layer mixes them.
            logits = net(mx.nd.zeros((2, *image_shape), ctx=device))  # infers the shapes that were left open
            shape = logits.shape if isinstance(logits, mx.nd.NDArray) else f"in a {type(logits).__name__}"
        if shape != (2, classes):
            raise InputError(
                f"{self.path or LENET5}: {self.name} maps images (2, {', '.join(map(str, image_shape))}) to logits "
                f"{shape}; (2, {classes}) is needed"
            )
        with user_errors(self.path, "cannot be hybridized: ") if self.path else nullcontext():
            traced = graph.trace(net)
        try:
            graph.check(traced, named_parameters(net))
        except InputError as error:
            raise InputError(f"{self.path or LENET5}: {self.name}: {error}") from None
        if self.is_lenet5:
            shapes = {name: each.shape for name, each in named_parameters(net).items()}
            set_parameters(net, initial_weights(seed, shapes), LENET5)
        return net


def native_threads(spec: str, device: mx.Context, cores: int) -> int | None:
    """Return in how many threads lenet/native computes the network `spec`: `cores`, or None where MXNet computes it.

    InputError: the library of lenet/native cannot be loaded, or not on this processor.
    """
    if spec != LENET5 or device.device_type != "cpu":
        return None
    load_library()
    return cores


def load_network(spec: str) -> Network:
    """Return the Network of the option --network: `lenet5`, or `FILE.py:FUNCTION`, whose file is run.

    The function takes the number of classes. InputError: the file or the function is missing or fails.
    """
    if spec == LENET5:
        return Network("LeNet5", LENET5, lenet5)
    file, _, name = spec.rpartition(":")
    if not file or not name.isidentifier():
        raise InputError(f"--network {shorten(spec)}: {LENET5} or FILE.py:FUNCTION is needed")
    path = Path(file).expanduser()
    function, digest = load_function(path, name)
    return Network(name, digest, lambda classes, _: function(classes), path)
