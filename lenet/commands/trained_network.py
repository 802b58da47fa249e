"""Load a trained network from a run's folder, a checkpoint's folder or a `.params` file, the tutorial's too."""

from dataclasses import replace
from pathlib import Path

import mxnet as mx
from mxnet.gluon import HybridBlock

from distributed import World
from lenet.data.classes import numbered
from lenet.data.dataset import Dataset
from lenet.data.fashion_mnist import CLASS_NAMES, PIXEL_MEAN, PIXEL_STD
from lenet.errors import InputError
from lenet.model.network import LENET5, Network, load_network, native_threads
from lenet.model.parameters import named_parameters, set_parameters
from lenet.model.params_file import limit_for, read_params
from lenet.run import checkpoint
from lenet.run.network_spec import NetworkSpec, read_network_spec

FASHION = NetworkSpec(LENET5, (1, 28, 28), CLASS_NAMES, PIXEL_MEAN, PIXEL_STD)


def describe(path: str | Path, network: str | None = None, dataset: Dataset | None = None) -> NetworkSpec:
    """Return the NetworkSpec of the network in `path`: the one that its run wrote beside it, else one for `dataset`.

    Without both it is that of Fashion-MNIST. `network`, from the option --network, replaces the run's.
    InputError: the network does not fit `dataset`.
    """
    path = Path(path)
    found = read_network_spec(path if path.is_dir() else path.parent)
    if found is None:
        found = NetworkSpec.of(LENET5, dataset) if dataset else FASHION
    if network:
        found = replace(found, network=network)
    return found if dataset is None else _for_dataset(found, path, dataset)


def _for_dataset(found: NetworkSpec, path: Path, dataset: Dataset) -> NetworkSpec:
    """Return `found` with the class names of `dataset`. InputError: the network in `path` does not fit `dataset`."""
    shapes = [" x ".join(map(str, each.image_shape)) for each in (dataset, found)]
    if shapes[0] != shapes[1]:
        raise InputError(f"{dataset.name}: has images of {shapes[0]}, {path} was trained with {shapes[1]}")
    names, own = dataset.class_names, found.class_names
    if names == numbered(len(names)) and len(names) <= len(own):  # `dataset` names no classes
        return found
    if len(names) != len(own):
        raise InputError(f"{dataset.name}: has {len(names)} classes, {path} was trained with {len(own)}")
    if own == numbered(len(own)):
        return replace(found, class_names=names)
    for number, (name, own_name) in enumerate(zip(names, own)):
        if name != own_name:
            raise InputError(f"{dataset.name}: class {number} is {name}, {path} was trained with {own_name} there")
    return found


def load_trained(
    path: str | Path | None, device: mx.Context, found: NetworkSpec = FASHION, code: Network | None = None
) -> HybridBlock:
    """Return the network `found` on `device` with the weights in `path`, or with initial weights without a path.

    `code` is its Network, if that is loaded already. InputError: the file or checkpoint is missing, damaged or of
    another network.
    """
    code = code or load_network(found.network)
    net = code.build(len(found.class_names), found.image_shape, 0, device)
    if path:
        path = newest_network(Path(path))
        limit = limit_for({name: each.shape for name, each in named_parameters(net).items()})
        weights = checkpoint.load_weights(path, limit) if Path(path).is_dir() else read_params(path, limit)
        set_parameters(net, weights, path)
    net.hybridize(static_alloc=True)
    return net


def threads_for(found: NetworkSpec) -> int | None:
    """Return the `threads` of predict_logits for the network `found` on the CPU of this process. InputError: none."""
    return native_threads(found.network, mx.cpu(), World().local.cores)


def newest_network(path: Path) -> Path:
    """Return `path`, or the newest network in it if it is a run's folder: the trained one or a later checkpoint.

    InputError: the run has no network yet.
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
