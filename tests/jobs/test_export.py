"""python -m lenet export: files that others run give what Gluon gives."""

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import pytest
from mxnet.gluon import SymbolBlock

from lenet.__main__ import main
from lenet.commands.trained_network import load_trained
from lenet.data import fashion_mnist
from lenet.data.fashion_mnist import DEBIAN_FOLDER
from lenet.model.normalise import normalise
from lenet.training.evaluation import predict_logits
from tests.support import run_jobs
from tests.support.fashion import validation_of

NAMES = ["lenet5-0000.params", "lenet5-symbol.json", "lenet5.onnx"]


@pytest.fixture(scope="module")
def exported(finished, small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    words = [finished() / "trained_LeNet5.params", "--data-dir", small, "--output", folder / "lenet5.onnx"]
    outcome = run_jobs.run([], "-m", "lenet", "export", *words)
    assert outcome.code == 0, outcome.text
    assert outcome.out.startswith("checked on 61 images: the same classes")
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    return folder


@pytest.fixture(scope="module")
def expected(finished, small):
    """The images and Gluon's logits of them."""
    batches = validation_of(small)
    net = load_trained(finished() / "trained_LeNet5.params", mx.cpu())
    return fashion_mnist.load(small).validation.images, predict_logits(net, batches, range(61))[0]


@pytest.mark.parametrize("count", [1, 2, 61])
def test_onnx_takes_raw_pixels_in_batches_of_any_size(exported, expected, count):
    session = onnxruntime.InferenceSession(str(exported / "lenet5.onnx"))
    images, logits = expected
    (found,) = session.run(None, {"pixels": images[:count]})
    assert found.shape == (count, 10)
    np.testing.assert_allclose(found, logits[:count], atol=1e-4)


def test_the_onnx_file_is_valid_and_says_what_it_takes(exported):
    model = onnx.load(exported / "lenet5.onnx")
    onnx.checker.check_model(model, full_check=True)
    (pixels,), (logits,) = model.graph.input, model.graph.output
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    shapes = [[d.dim_param or d.dim_value for d in each.type.tensor_type.shape.dim] for each in (pixels, logits)]
    assert shapes == [["n", 28, 28], ["n", 10]]
    sizes = {each.name: int(np.prod(each.dims)) for each in model.graph.initializer}
    assert sum(size for name, size in sizes.items() if name.endswith(("weight", "bias"))) == 60_170


def test_gluons_pair_is_the_network(exported, expected, small):
    images, logits = expected
    files = str(exported / "lenet5-symbol.json"), ["data"], str(exported / "lenet5-0000.params")
    batches = validation_of(small)
    pixels = normalise(mx.nd.array(images, dtype="uint8"), batches.mean, batches.std)
    found = SymbolBlock.imports(*files)(pixels)
    np.testing.assert_allclose(found.asnumpy(), logits, atol=1e-4)


@pytest.mark.skipif(not DEBIAN_FOLDER.exists(), reason=f"the real data set is missing: {DEBIAN_FOLDER}")
def test_the_check_takes_a_thousand_real_images(finished, tmp_path, capsys):
    words = ["export", str(finished() / "trained_LeNet5.params"), "--output", str(tmp_path / "lenet5.onnx")]
    assert main([*words, "--data-dir", str(DEBIAN_FOLDER)]) == 0
    assert "checked on 1,000 images" in capsys.readouterr().out


def test_nothing_is_written_when_the_check_fails(finished, small, tmp_path, monkeypatch):
    from lenet.commands import export

    monkeypatch.setattr(export, "_onnx", lambda path, images: np.zeros((len(images), 10), np.float32))
    words = ["export", str(finished() / "trained_LeNet5.params"), "--output", str(tmp_path / "lenet5.onnx")]
    with pytest.raises(RuntimeError, match="ONNX differs from Gluon"):
        main([*words, "--data-dir", str(small)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nowhere.params"], "nowhere.params"),
        ([__file__], "test_export.py"),
        ([__file__, "--output", "model.pb"], ".onnx"),
        ([__file__, "--output", "/proc/no/model.onnx"], "/proc/no"),
    ],
)
def test_bad_input_is_one_line(words, named, capsys):
    assert main(["export", *words]) == 2
    out, err = capsys.readouterr()
    assert len((out + err).splitlines()) == 1
    assert named in err
