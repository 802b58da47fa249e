"""A trained network from a run's folder, a `.params` file of ours or of the tutorial, or a checkpoint's folder."""

from pathlib import Path

import mxnet as mx
from mxnet.gluon import HybridBlock

from lenet.errors import InputError
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
        path = newest_network(Path(path))
        weights = checkpoint.load(path).weights if Path(path).is_dir() else read_params(path)
        set_parameters(net, weights, path)
    net.hybridize(static_alloc=True)
    return net


def newest_network(path: Path) -> Path:
    """`path`, or where it is a run's folder the newest network in it: the trained one or a later checkpoint.

    InputError: the run has none yet.
    """
    if not (path / "checkpoints").is_dir():
        return path
    trained = sorted(path.glob("trained_*.params"), key=_modified)
    networks = [*trained[-1:], *checkpoint.folders(path)[-1:]]
    if not networks:
        raise InputError(f"{path}: this run has no trained network and no checkpoint yet")
    return max(networks, key=_modified)


def _modified(path: Path) -> float:
    return path.stat().st_mtime
