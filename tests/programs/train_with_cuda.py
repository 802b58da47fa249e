"""train.py with an MXNet that says it sees COUNT GPUs, and computes on the CPU in their places: COUNT OPTIONS…"""

import runpy
import sys

import mxnet as mx

count, sys.argv = int(sys.argv[1]), ["train.py", *sys.argv[2:]]
mx.context.num_gpus = lambda: count
mx.runtime.Features = lambda: type("Features", (), {"is_enabled": lambda self, name: name == "CUDA"})()
mx.gpu = lambda index: mx.cpu(1 + index)
runpy.run_path("train.py", run_name="__main__")
