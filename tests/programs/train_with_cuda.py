"""train.py with an MXNet that sees COUNT GPUs and computes on the CPU in their places: COUNT OPTIONS…"""

import sys

import mxnet as mx

from tests.programs.patched_train import run_train

count, *options = sys.argv[1:]
mx.context.num_gpus = lambda: int(count)
mx.gpu = lambda index: mx.cpu(1 + index)
run_train(options)
