"""train.py with an MXNet for CUDA that computes on the CPU in the places of GPUs: COUNT LIBRARY OPTIONS…

It sees COUNT GPUs, or with COUNT `own` each rank the one of its rank alone; its machine code is what LIBRARY has.
"""

import os
import sys

import mxnet as mx

from tests.programs.patched_train import rank, run_train

count, library, *options = sys.argv[1:]
if count == "own":
    os.environ["CUDA_VISIBLE_DEVICES"] = str(rank())
    count = "1"
mx.context.num_gpus = lambda: int(count)
mx.runtime.Features = lambda: type("Features", (), {"is_enabled": lambda self, name: name == "CUDA"})()
mx.libinfo.find_lib_path = lambda: [library]
mx.gpu = lambda index: mx.cpu(1 + index)
run_train(options)
