"""python -m lenet export: an ONNX file and Gluon's own pair of files, checked on real images."""

import os
import tempfile
import warnings
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
from mxnet.gluon import HybridBlock, SymbolBlock

from lenet import cli
from lenet.commands.onnx_model import onnx_model
from lenet.commands.trained_network import describe, load_trained
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.dataset import Split
from lenet.errors import InputError
from lenet.model.network import load_network
from lenet.model.normalise import normalise
from lenet.run.network_spec import NetworkSpec
from lenet.training.evaluation import predict_logits

CHECKED = 1000  # images
TOLERANCE = 1e-4  # of a logit; the logits of a trained network reach about 20


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    cli.add_params(parser)
    cli.add_network(parser)
    parser.add_argument(
        "--output",
        type=cli.path_ending(".onnx"),
        metavar="FILE",
        help="ONNX file to write, with Gluon's pair beside it (default: lenet5.onnx, or the name of your function)",
    )
    cli.add_data_dir(parser)


def main(options: Namespace) -> None:
    """Write the three files to a temporary folder, check them, and move them to their paths."""
    dataset = fashion_mnist.load(options.data_dir)
    found = describe(options.params, options.network, dataset)
    code = load_network(found.network)
    net = load_trained(options.params, mx.cpu(), found, code)
    output = options.output or _default_output(code.name)
    images = dataset.validation.images[:CHECKED]
    expected = _gluon(net, images, found)
    try:
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-") as temporary:
            folder = Path(temporary)
            onnx.save(onnx_model(net, found), folder / output.name)
            net.export(str(folder / output.stem))
            difference = max(
                _compare("ONNX", expected, _onnx(folder / output.name, images)),
                _compare("Gluon's pair", expected, _pair(folder / output.stem, images, found)),
            )
            written = [output.parent / path.name for path in sorted(folder.iterdir())]
            for path in written:
                os.replace(folder / path.name, path)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror or error}") from None
    print(f"checked on {len(images):,} images: the same classes, logits within {difference:.0e} of Gluon's")
    for path in written:
        print(f"wrote {path}")


def _default_output(name: str) -> Path:
    """Return the default path for the network `name`. InputError: the folder cannot be written."""
    try:
        return cli.path_ending(".onnx")(f"{name.lower()}.onnx")
    except ArgumentTypeError as error:
        raise InputError(f"--output {error}") from None


def _gluon(net: HybridBlock, images: np.ndarray, found: NetworkSpec) -> np.ndarray:
    split = Split(images, np.zeros(len(images), np.uint8))
    return predict_logits(net, Batches(split, mx.cpu(), found.pixel_mean, found.pixel_std), range(len(images)))[0]


def _onnx(path: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    parts = [part for part in (images[:1], images[1:]) if len(part)]  # another size of batch too
    return np.concatenate([session.run(["logits"], {"pixels": part})[0] for part in parts])


def _pair(prefix: Path, images: np.ndarray, found: NetworkSpec) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Cannot decide type")  # MXNet's, of the input: it takes that of what comes
        net = SymbolBlock.imports(f"{prefix}-symbol.json", ["data"], f"{prefix}-0000.params", ctx=mx.cpu())
    return net(normalise(mx.nd.array(images, dtype="uint8"), found.pixel_mean, found.pixel_std)).asnumpy()


def _compare(what: str, expected: np.ndarray, found: np.ndarray) -> float:
    """Return the largest difference of a logit. RuntimeError: it is larger than rounding."""
    difference = float(np.abs(expected - found).max())
    if difference > TOLERANCE or (expected.argmax(axis=1) != found.argmax(axis=1)).any():
        raise RuntimeError(f"{what} differs from Gluon by up to {difference:.3g} of a logit: nothing was written")
    return difference
