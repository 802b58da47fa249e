"""Optimizers: how a step changes the weights. To add one, write its class here and its name in config.py."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from mxnet import nd

from lenet.config import Config

Slots = Mapping[str, nd.NDArray]  # by name, vectors of the length of the weights


@dataclass(frozen=True)
class SGD:
    """SGD with Nesterov's momentum and an L2 penalty, as `gluon.Trainer` takes it ("sgd", "nag").

    The weights are those that the momentum will lead to (Sutskever et al. 2013, On the importance of initialization
    and momentum in deep learning, section 2, in the form that Bengio et al. 2013, arXiv:1212.0901, give it):
        g <- gradient + weight_decay * w,  v <- momentum * v - rate * g,  w <- w + momentum * v - rate * g
    """

    momentum: float
    weight_decay: float
    slots: ClassVar[tuple[str, ...]] = ("momentum",)  # zero without momentum

    def update(
        self, weights: nd.NDArray, slots: Slots, gradients: nd.NDArray, rate: float, scale: float, step: int
    ) -> None:
        """Change `weights` and `slots` in place. `gradients` are `scale` times too large and are overwritten.

        `rate` is the learning rate, `step` the number of this step, from 1 on. Weight decay is a separate call:
        depending on how the array lies in memory, MXNet's `nag_mom_update` reads a weight before or after writing it.
        """
        decay, unscale = self.weight_decay, 1 / scale
        if not self.momentum:
            nd.sgd_update(weights, gradients, lr=rate, wd=decay, rescale_grad=unscale, out=weights)
            return
        if decay:
            nd.sgd_update(gradients, weights, lr=-decay * scale, wd=0, out=gradients)
        momenta = slots["momentum"]
        nd.nag_mom_update(
            weights, gradients, momenta, lr=rate, momentum=self.momentum, wd=0, rescale_grad=unscale, out=weights
        )


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980) with an L2 penalty, as `mx.optimizer.Adam`.

    `is_decoupled`: AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), as `nd.contrib.adamw_update` with the rate as
    its schedule multiplier: the weight decay is a part of the change and not of the gradient.

    Each line is made of single elementwise operations, whose bits no compiler can change by contracting two of them.
    """

    weight_decay: float
    is_decoupled: bool
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance")
    beta1: ClassVar[float] = 0.9
    beta2: ClassVar[float] = 0.999
    epsilon: ClassVar[float] = 1e-8

    def update(
        self, weights: nd.NDArray, slots: Slots, gradients: nd.NDArray, rate: float, scale: float, step: int
    ) -> None:
        """As SGD.update."""
        mean, variance = slots["mean"], slots["variance"]
        gradients *= 1 / scale
        if self.weight_decay and not self.is_decoupled:
            gradients += weights * self.weight_decay
        mean *= self.beta1
        mean += gradients * (1 - self.beta1)
        variance *= self.beta2
        variance += gradients * gradients * (1 - self.beta2)
        correction = math.sqrt(_less_than_1(self.beta2, step)) / _less_than_1(self.beta1, step)
        change = mean * correction / (nd.sqrt(variance) + self.epsilon)
        if self.weight_decay and self.is_decoupled:
            change += weights * self.weight_decay
        change *= rate
        weights -= change


def _less_than_1(beta: float, step: int) -> float:
    """1 - beta**step, by Decimal: a power of floats has other last bits with another C library."""
    return float(1 - Decimal(str(beta)) ** step)


Optimizer = SGD | Adam


def choose_optimizer(config: Config) -> Optimizer:
    """The optimizer that `config` names."""
    match config.optimizer:
        case "sgd":
            return SGD(config.momentum, config.weight_decay)
        case "adam":
            return Adam(config.weight_decay, is_decoupled=False)
        case "adamw":
            return Adam(config.weight_decay, is_decoupled=True)


def clip(gradients: nd.NDArray, largest: float) -> None:
    """Scale `gradients` (n,) float32 in place to a length of at most `largest`, without waiting.

    Pascanu et al. 2013, arXiv:1211.5063, as `gluon.utils.clip_global_norm`. They are the sum over all ranks, so every
    rank finds the same length; in float64, which squares of large sums fit.
    """
    squares = nd.square(gradients.astype("float64")).sum()  # (1,)
    factor = nd.minimum(largest / nd.sqrt(squares), 1).astype("float32")  # 1 for a length of 0: infinity is cut too
    nd.broadcast_mul(gradients, factor, out=gradients)
