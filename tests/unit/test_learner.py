"""A step is what the tutorial's loop does with gluon.Trainer, and the sum of what the ranks hold."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd

from distributed import World
from lenet.config import Config
from lenet.model import lenet5
from lenet.training.step import Learner
from tests.support import tutorial

DEVICE = mx.cpu()
RATES = [0.05, 0.2, 0.1]  # of three steps


class Recording(World):
    """Notes what a rank would send, and lets it go on alone."""

    def sum_gradients(self, gradients, report, fp16=False):
        self.sent = [array.asnumpy() for array in (*gradients, report)]


@pytest.fixture
def batch():
    random = np.random.RandomState(4)
    return nd.array(random.randint(0, 256, (9, 28, 28)), dtype="uint8"), nd.array(range(9), dtype="uint8")


def make_learner(**options):
    net = lenet5.lenet5()
    lenet5.initialize(net, seed=3, device=DEVICE)
    return Learner(net, Config(**options), DEVICE)


# With both, MXNet's own Nesterov momentum depends on where a weight lies; test_sgd.py has the definition.
@pytest.mark.parametrize(("momentum", "weight_decay"), [(0, 0), (0, 0.1), (0.9, 0), (0.5, 0)])
def test_steps_are_those_of_the_trainer(tmp_path, batch, momentum, weight_decay):
    learner = make_learner(momentum=momentum, weight_decay=weight_decay)
    learner.net.save_parameters(str(tmp_path / "first.params"))
    plain = tutorial.network()
    plain.load_parameters(str(tmp_path / "first.params"))
    options = {"learning_rate": 1, "momentum": momentum, "wd": weight_decay}
    trainer = gluon.Trainer(plain.collect_params(), "nag", options)
    images, labels = batch
    for rate in RATES:
        report = learner.step(World(), images, labels, 9, rate, (False,)).asnumpy()
        with autograd.record():
            logits = plain(lenet5.normalise(images))
            losses = gluon.loss.SoftmaxCrossEntropyLoss()(logits, labels)
        losses.backward()
        trainer.set_learning_rate(rate)
        trainer.step(9)
        hits = (logits.asnumpy().argmax(axis=1) == labels.asnumpy()).sum()
        assert report == pytest.approx([losses.sum().asscalar(), hits, 9, 0], rel=1e-5)
    theirs = plain._collect_params_with_prefix()
    for name, parameter in learner.parameters.items():
        ours = parameter.data().asnumpy()
        np.testing.assert_allclose(ours, theirs[name].data().asnumpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cuts", [(9,), (4, 9), (0, 1, 1, 9)])
def test_what_the_ranks_send_adds_up_to_the_whole_batch(batch, cuts):
    """Shares of any size, also none: the gradient is the mean over all nine images."""
    images, labels = batch
    sent = []
    for start, stop in zip((0, *cuts), cuts):
        world, learner = Recording(), make_learner()
        share = (images[start:stop], labels[start:stop]) if stop > start else ((), ())
        learner.step(world, *share, 9, 0.1, (stop == 9,))
        sent.append(world.sent)
    whole = Recording()
    make_learner().step(whole, images, labels, 9, 0.1, (True,))
    for parts, expected in zip(zip(*sent), whole.sent):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(np.sum(parts, axis=0), expected, rtol=0, atol=1e-5 * scale)
    assert whole.sent[-1][2:].tolist() == [9, 1]


def test_a_rank_without_images_does_not_send_its_last_gradient(batch):
    learner, world = make_learner(), Recording()
    learner.step(world, *batch, 9, 0.1, ())
    learner.step(world, (), (), 9, 0.1, ())
    assert all(not array.any() for array in world.sent)


def test_momenta_are_restored():
    learner = make_learner(momentum=0.9)
    given = {name: mx.nd.ones_like(weight) * 3 for name, weight in zip(learner.parameters, learner.weights)}
    learner.use_momenta(given)
    assert all(np.all(momentum.asnumpy() == 3) for momentum in learner.momenta.values())
    assert list(learner.momenta) == list(learner.parameters)
