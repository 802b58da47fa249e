"""--network: a function of the user's file, and one line that names the place where it goes wrong."""

import mxnet as mx
import pytest
from mxnet.gluon import nn

from lenet.errors import InputError
from lenet.model.network import load_network

SHAPE = (3, 12, 14)
HEAD = "from mxnet.gluon import HybridBlock, nn\nimport mxnet as mx\n"
NET = "def make(classes):\n    net = nn.HybridSequential()\n    net.add({layers})\n    return net\n"
DENSE = "nn.Dense(classes)"


def build(tmp_path, source, function="make", classes=5):
    path = tmp_path / "own.py"
    path.write_text(HEAD + source)
    return load_network(f"{path}:{function}").build(classes, SHAPE, 1, mx.cpu())


def refused(tmp_path, source, **options):
    with pytest.raises(InputError) as caught:
        build(tmp_path, source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(tmp_path / "own.py"), "own.py")


def test_a_function_makes_a_network_whose_shapes_are_known(tmp_path):
    net = build(tmp_path, NET.format(layers=f"nn.Conv2D(4, 3), nn.BatchNorm(), {DENSE}"))
    shapes = {name: each.shape for name, each in net._collect_params_with_prefix().items()}
    assert shapes["0.weight"] == (4, 3, 3, 3)
    assert shapes["1.running_mean"] == (4,)
    assert shapes["2.weight"] == (5, 4 * 10 * 12)


def test_the_seed_decides_all_that_the_function_draws(tmp_path):
    source = "import random, numpy\n" + NET.format(
        layers=f"nn.Dense(random.randint(2, 900)), nn.Dense(numpy.random.randint(2, 900)), {DENSE}"
    )
    ours, again = (build(tmp_path, source) for _ in range(2))
    for one, other in zip(ours.collect_params().values(), again.collect_params().values()):
        assert (one.data().asnumpy() == other.data().asnumpy()).all()


def test_the_digest_is_of_the_file_and_of_what_it_imports_beside_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    digests = []
    for layers in ("nn.Dense(3)", "nn.Dense(4)"):
        (tmp_path / f"beside{len(digests)}.py").write_text(HEAD + f"layer = {layers}\n")
        (tmp_path / "own.py").write_text(f"from beside{len(digests)} import layer\ndef make(classes): pass\n")
        digests += [load_network(f"{tmp_path / 'own.py'}:make").digest for _ in range(1)]
    assert digests[0] != digests[1]


def test_the_file_that_is_read_is_run_and_no_cached_one(tmp_path):
    for width in (3, 4):  # as long as each other, in the same second
        net = build(tmp_path, NET.format(layers=f"nn.Dense({width}), {DENSE}"))
        assert net[0].weight.shape[0] == width
    assert not list(tmp_path.rglob("*.pyc"))


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("resnet", "--network resnet: lenet5 or FILE.py:FUNCTION is needed"),
        ("nowhere.py:make", "--network nowhere.py: No such file or directory"),
        ("tests:make", "--network tests: Is a directory"),
        ("README.md:not a name", "--network README.md:not a name: lenet5 or FILE.py:FUNCTION is needed"),
    ],
)
def test_a_network_that_is_not_there(spec, told):
    with pytest.raises(InputError, match=f"^{told}"):
        load_network(spec)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def other(classes): pass\n", "own.py: has no function make"),
        ("make = 3\n", "own.py: has no function make"),
        ("def make(classes)\n", "own.py:3: SyntaxError: "),
        ("import no_such_package\n", "own.py:3: ModuleNotFoundError: No module named 'no_such_package'"),
        ("1 / 0\n", "own.py:3: ZeroDivisionError: division by zero"),
        ("def make(classes):\n    return undefined\n", "own.py:4: NameError: "),
        ("def make(): pass\n", "own.py: TypeError: make() takes 0 positional arguments but 1 was given"),
        ("def make(classes): raise SystemExit('no')\n", "own.py:3: SystemExit: no"),
        ("def make(classes): raise ValueError\n", "own.py:3: ValueError: no message"),
        ("def make(classes): return 7\n", "own.py: make returned a int, not a HybridBlock"),
        ("def make(classes): return nn.Sequential()\n", "own.py: make returned a Sequential, not a HybridBlock"),
        (NET.format(layers="nn.Dense(classes + 1)"), "own.py: make maps images (2, 3, 12, 14) to logits (2, 6); "),
        (NET.format(layers="nn.Conv2D(classes, 1)"), "own.py: make maps images (2, 3, 12, 14) to logits (2, 5, 12, 1"),
        (NET.format(layers="nn.Conv2D(4, 20), nn.Dense(classes)"), "own.py: ValueError: Deferred initialization"),
        (NET.format(layers="nn.Conv2D(4, 3, in_channels=1), nn.Dense(classes)"), "own.py: "),
        (NET.format(layers="nn.Flatten()"), "own.py: make maps images"),
    ],
)
def test_what_is_wrong_with_the_users_file_is_one_line(tmp_path, source, told):
    assert refused(tmp_path, source).startswith(told)


FORWARD = """
class Own(HybridBlock):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(5)
    def hybrid_forward(self, F, x):
        {line}
        return self.dense(x)
def make(classes):
    return Own()
"""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x = x * x.shape[0]", "own.py:9: cannot be hybridized: AttributeError: "),  # a symbol has no shape
        ("if x.sum() > 0: x = -x", "own.py:9: cannot be hybridized: NotImplementedForSymbol: "),
        ("x = F.Custom(x, op_type='own')", "own.py:9: "),
        ("x = F.relu(missing)", "own.py:9: NameError: "),
        ("x = F.contrib.rand_zipfian(x, 2, 3)[0]", "own.py"),
    ],
)
def test_an_error_in_the_forward_names_its_line(tmp_path, line, told):
    assert refused(tmp_path, FORWARD.format(line=line)).startswith(told)


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ("nn.Conv2D(4, 3), mx.gluon.contrib.nn.SyncBatchNorm(num_devices=1)", "SyncBatchNorm) cannot be trained here"),
        ("mx.gluon.rnn.LSTM(4, dropout=0.5, layout='NTC', input_size=12)", "(RNN) cannot be trained here"),
    ],
)
def test_what_cannot_be_exact_is_refused_by_name(tmp_path, layers, told):
    if "rnn" in layers:
        layers = f"nn.HybridLambda(lambda F, x: F.reshape(x, (0, -1, 12))), {layers}"
    assert told in refused(tmp_path, NET.format(layers=f"{layers}, {DENSE}"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("net[0].weight.lr_mult = 0.1", "own.py: make: the parameter 0.weight has an lr_mult or wd_mult of its own"),
        ("net[0].weight.grad_req = 'add'", "own.py: make: the parameter 0.weight has the grad_req add"),
        ("net.cast('float16')", "own.py: "),
        ("net.collect_params().setattr('grad_req', 'null')", "own.py: make: it has no parameter to train"),
    ],
)
def test_a_parameter_that_cannot_be_trained_is_named(tmp_path, change, told):
    source = NET.format(layers=DENSE).replace("    return net", f"    {change}\n    return net")
    assert refused(tmp_path, source).startswith(told)


def test_a_parameter_that_the_forward_does_not_use_is_named(tmp_path):
    source = FORWARD.format(line="pass").replace("self.dense =", "self.unused, self.dense = nn.Dense(3),")
    assert (
        refused(tmp_path, source)
        == "own.py: make: the parameter unused.weight has no shape: the forward does not use it"
    )


def test_lenet5_takes_other_images_and_classes():
    net = load_network("lenet5").build(7, (3, 32, 40), 1, mx.cpu())
    assert net(mx.nd.zeros((2, 3, 32, 40))).shape == (2, 7)
    assert isinstance(net[0], nn.Conv2D)
    with pytest.raises(InputError, match="lenet5 takes images of 12 x 12 pixels or more, these have 11 x 30"):
        load_network("lenet5").build(7, (1, 11, 30), 1, mx.cpu())
