"""A step is what the tutorial's loop does with gluon.Trainer, whatever the ranks that share it."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd

from distributed import World
from lenet.config import Config
from lenet.data.dataset import Split
from lenet.model.parameters import named_parameters
from lenet.training.objective import Objective
from lenet.training.state import TrainState
from lenet.training.step import Step
from tests.support import tutorial
from tests.support.fashion import batches_of, build_lenet5, normalise

DEVICE = mx.cpu()
LEARNING_RATES = [0.05, 0.2, 0.1]  # of three steps
IMAGES = 9


class Recording(World):
    """Rank `rank` of `size`, which notes what it would send and goes on alone."""

    def __init__(self, rank=0, size=1):
        super().__init__()
        self.rank, self.size = rank, size

    def allreduce(self, vector):
        self.sent = vector.asnumpy()


@pytest.fixture(scope="module")
def split():
    random = np.random.RandomState(4)
    return Split(random.randint(0, 256, (IMAGES, 28, 28)).astype(np.uint8), np.arange(IMAGES, dtype=np.uint8))


def make_step(split, **options):
    net = build_lenet5(seed=3)
    state, config = TrainState.of(net, DEVICE, ("momentum",)), Config(**options)
    threads = None if config.debug else 2  # native code, as a Trainer has it, or the plain layers
    return Step(net, state, Objective(10), config, batches_of(split), threads)


def take(step, world, learning_rate=0.1, requests=(False, False)):
    """A step with all images; its metrics."""
    order = nd.array(np.arange(IMAGES)[::-1], dtype="int32")
    return step.read(step.take(world, order, 0, IMAGES, learning_rate, requests))


@pytest.mark.parametrize("shard", [2, 4, 64])
@pytest.mark.parametrize("exchange", ["exact", "float32"])
# With both, MXNet's own Nesterov momentum depends on where a weight lies; test_optimizer.py has the definition.
@pytest.mark.parametrize(("momentum", "weight_decay"), [(0, 0), (0, 0.1), (0.9, 0), (0.5, 0)])
def test_steps_are_those_of_the_trainer(split, shard, exchange, momentum, weight_decay):
    step = make_step(split, momentum=momentum, weight_decay=weight_decay, shard=shard, exchange=exchange)
    plain = tutorial.network()
    plain.initialize(ctx=DEVICE)
    plain(nd.zeros((1, 1, 28, 28)))  # the shapes are known from here on
    step.state.copy_to(plain)
    options = {"learning_rate": 1, "momentum": momentum, "wd": weight_decay}
    trainer = gluon.Trainer(plain.collect_params(), "nag", options)
    images, labels = nd.array(split.images, dtype="uint8"), nd.array(split.labels)
    for rate in LEARNING_RATES:
        metrics = take(step, World(), rate)
        with autograd.record():
            logits = plain(normalise(images))
            losses = gluon.loss.SoftmaxCrossEntropyLoss()(logits, labels)
        losses.backward()
        trainer.set_learning_rate(rate)
        trainer.step(IMAGES)
        correct = (logits.asnumpy().argmax(axis=1) == split.labels).sum()
        assert metrics.loss == pytest.approx(losses.mean().asscalar(), rel=1e-5)
        assert (metrics.totals.correct, metrics.totals.images) == (correct, IMAGES)
        assert (metrics.shards_in_range, metrics.stop_requests) == (step.shards_of(IMAGES), 0)
    for name, weight in step.state.trained.arrays().items():
        theirs = named_parameters(plain)[name].data().asnumpy()
        np.testing.assert_allclose(weight, theirs, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_what_the_ranks_send_adds_up_to_the_same_bits(split, size):
    """With shards of two images there are five, so that some of eight ranks have none."""
    whole = Recording()
    take(make_step(split, shard=2), whole)
    parts = []
    for rank in range(size):
        world = Recording(rank, size)
        take(make_step(split, shard=2), world)
        parts.append(world.sent)
    assert np.sum(parts, axis=0).tobytes() == whole.sent.tobytes()


def test_a_rank_without_shards_does_not_send_its_last_gradient(split):
    step, world = make_step(split), Recording(0, 2)
    take(step, Recording())
    take(step, world)
    assert not world.sent.any()


def test_requests_travel_with_the_gradients(split):
    step = make_step(split)
    found = [take(step, World(), requests=each) for each in ((True, False), (False, True), (False, False))]
    assert [(each.stop_requests, each.resize_requests) for each in found] == [(1, 0), (0, 1), (0, 0)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_a_gradient_that_cannot_be_added_up_is_noticed(split, bad):
    """The loss alone does not tell: it is of before the step."""
    step = make_step(split, shard=4)
    step.state.trained.views()["7.weight"][0] = bad
    assert take(step, World()).shards_in_range < step.shards_of(IMAGES)


def test_a_finite_gradient_that_is_too_large_is_noticed(split):
    step = make_step(split, shard=4)
    step.state.trained.views()["7.weight"][:] *= 1e9
    assert take(step, World()).shards_in_range == 0


def test_large_gradients_within_the_range_are_added_up(split):
    step = make_step(split, shard=4)
    step.state.trained.views()["7.weight"][:] *= 1000
    metrics = take(step, World())
    assert metrics.loss > 10
    assert metrics.shards_in_range == step.shards_of(IMAGES)


def test_breakpoints_see_the_same_step(split):
    """With --debug a shard is computed layer by layer, on the plain layers."""
    bound, imperative = make_step(split), make_step(split, debug=True)
    for rate in LEARNING_RATES:
        ours, theirs = take(bound, World(), rate), take(imperative, World(), rate)
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)
    ours, theirs = (step.state.trained.vector.asnumpy() for step in (bound, imperative))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
