"""train.py, which starts each network of a process from another seed: OPTIONS."""

import itertools
import sys

import mxnet as mx
from mxnet.gluon import nn

from lenet.training import determinism
from tests.programs.patched_train import run_train

build_network, calls = determinism.build_network, itertools.count()


def build_another(seed: int, device: mx.Context) -> nn.HybridSequential:
    return build_network(seed + next(calls), device)


determinism.build_network = build_another
run_train(sys.argv[1:])
