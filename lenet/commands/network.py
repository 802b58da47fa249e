"""A trained network from a file: a `.params` file of ours or of the tutorial, or a checkpoint's folder."""

from pathlib import Path

import mxnet as mx
from mxnet.gluon import HybridBlock

from lenet.model.lenet5 import lenet5, set_parameters
from lenet.model.params_file import read_params
from lenet.run import checkpoint


def load_network(path: str | Path | None, device: mx.Context) -> HybridBlock:
    """LeNet-5 on `device` with the weights that `path` holds; without a path its weights are 0.

    InputError: the file or checkpoint is missing or not whole, or it holds another network.
    """
    net = lenet5()
    net.initialize("zeros", ctx=device)
    if path:
        weights = checkpoint.load(path).weights if Path(path).is_dir() else read_params(path)
        set_parameters(net, weights, path)
    net.hybridize(static_alloc=True)
    return net
