"""train.py, which starts each network of a process from another seed: OPTIONS."""

import itertools
import sys

import mxnet as mx
from mxnet.gluon import nn

from lenet.model import lenet5
from tests.programs.patched_train import run_train

initialize, calls = lenet5.initialize, itertools.count()


def initialize_otherwise(net: nn.Sequential, seed: int, device: mx.Context) -> None:
    initialize(net, seed + next(calls), device)


lenet5.initialize = initialize_otherwise
run_train(sys.argv[1:])
