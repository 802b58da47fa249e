"""Which device this process computes on."""

import os
import sys

from lenet.errors import InputError

ENGINES = ("NaiveEngine", "ThreadedEngine", "ThreadedEnginePerDevice")


def settle_engine(debug):
    """Make MXNet's engine synchronous for `debug`: it is read once, when MXNet is imported."""
    engine = os.environ.get("MXNET_ENGINE_TYPE")
    if engine is not None and engine not in ENGINES:
        raise InputError(f"MXNET_ENGINE_TYPE={engine}: {', '.join(ENGINES)} are MXNet's engines")
    if not debug:
        return
    if "mxnet" in sys.modules:
        raise InputError("--debug is for one process without a launcher: python train.py --debug")
    os.environ["MXNET_ENGINE_TYPE"] = "NaiveEngine"


def choose_device(wish, local_rank, local_size):
    """The mx.Context for `wish` (auto, cpu, gpu): process i of a host computes on GPU i of that host."""
    import mxnet as mx

    gpus = 0 if wish == "cpu" else mx.context.num_gpus()
    if wish == "cpu" or (wish == "auto" and gpus == 0):
        return mx.cpu()
    if gpus == 0:
        raise InputError("--device gpu: MXNet sees no GPU on this host; --device cpu trains without one")
    if local_size > gpus:
        raise InputError(
            f"--device {wish}: {local_size} processes on this host but {gpus} GPU{'s' * (gpus > 1)}; "
            f"start at most {gpus} here, or use --device cpu"
        )
    return mx.gpu(local_rank)
