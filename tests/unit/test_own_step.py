"""Steps of networks with running statistics, random layers and frozen parameters, and what is added to a step."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import HybridBlock, nn

from distributed import World
from lenet.config import Config
from lenet.data.dataset import Split
from lenet.model.parameters import named_parameters
from lenet.run.progress import Progress
from lenet.training.objective import Objective
from lenet.training.optimizer import choose_optimizer
from lenet.training.state import TrainState
from lenet.training.step import Step
from tests.support.fashion import batches_of, normalise

IMAGES, SHARD = 9, 2  # five shards


class Recording(World):
    """Rank `rank` of `size`, which notes what it would send and goes on alone, or with the `sums` of all."""

    def __init__(self, rank=0, size=1, sums=None):
        super().__init__()
        self.rank, self.size, self.sums = rank, size, sums

    def allreduce(self, vector):
        self.sent = vector.asnumpy()
        if self.sums is not None:
            vector[:] = nd.array(self.sums, dtype="int64")


class Frozen(HybridBlock):
    """A constant and a parameter that is not trained, which has values that no sum could carry."""

    def __init__(self):
        super().__init__()
        self.constant = self.params.get_constant("constant", np.full((1, 1, 1, 1), 0.1, np.float32))
        self.tiny = self.params.get("tiny", shape=(1,), init=mx.init.Constant(1e-30), grad_req="null")

    def hybrid_forward(self, F, x, constant, tiny):
        return F.broadcast_mul(F.broadcast_add(x, constant), tiny.reshape((1, 1, 1, 1)) * 1e30)


def make_net(*layers):
    mx.random.seed(3)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, in_channels=1), *layers, nn.Dense(10))
    net.initialize(mx.init.Xavier())
    net(nd.zeros((2, 1, 12, 12)))
    return net


@pytest.fixture(scope="module")
def split():
    random = np.random.RandomState(4)
    return Split(random.randint(0, 256, (IMAGES, 12, 12)).astype(np.uint8), np.arange(IMAGES, dtype=np.uint8))


def make_step(split, *layers, **options):
    return step_of(make_net(*layers), split, **options)


def step_of(net, split, **options):
    config = Config(**{"shard": SHARD, **options})
    state = TrainState.of(net, mx.cpu(), choose_optimizer(config).slots)
    return Step(net, state, Objective(10, config.label_smoothing), config, batches_of(split))


def take(step, world=None):
    order = nd.array(np.arange(IMAGES)[::-1], dtype="int32")
    return step.read(step.take(world or World(), order, 0, IMAGES, 0.1, (False, False)))


def normal(momentum=0.9):
    return nn.BatchNorm(momentum=momentum), nn.Activation("relu")


def noisy():
    return *normal(), nn.Dropout(0.5), Frozen()


def rank_by_rank(split, size, layers, steps=2, **options):
    """The parameters after steps of so many ranks, each of which is computed in turn with what all of them send."""
    ranks = [make_step(split, *layers(), **options) for _ in range(size)]
    for _ in range(steps):
        worlds = [Recording(rank, size) for rank in range(size)]
        before = [each.asnumpy() for each in ranks[0].state.vectors]
        for step, world in zip(ranks, worlds):
            take(step, world)
        sums = np.sum([world.sent for world in worlds], axis=0)
        for step in ranks:
            for vector, values in zip(step.state.vectors, before):
                vector[:] = nd.array(values)
            take(step, Recording(ranks.index(step), size, sums))
    found = [step.state.parameters() for step in ranks]
    for other in found[1:]:
        assert all(found[0][name].tobytes() == other[name].tobytes() for name in other)
    return found[0]


@pytest.mark.parametrize("size", [2, 3, 7])
@pytest.mark.parametrize("extras", [{}, {"clip_norm": 0.05, "label_smoothing": 0.2, "optimizer": "adamw"}])
def test_all_parameters_have_the_bits_of_one_rank(split, size, extras):
    alone, ours = (rank_by_rank(split, each, noisy, **extras) for each in (1, size))
    assert {name.rsplit(".")[-1] for name in ours} >= {"weight", "gamma", "running_mean", "constant", "tiny"}
    for name, values in ours.items():
        assert values.tobytes() == alone[name].tobytes(), name


def test_running_statistics_are_the_mean_over_the_shards(split):
    step = make_step(split, *normal(momentum=0.5))
    net = make_net(*normal(momentum=0.5))
    images = normalise(nd.array(split.images[::-1].copy(), dtype="uint8"))
    found = []
    for begin in range(0, IMAGES, SHARD):
        step.state.copy_to(net)
        with autograd.record():
            loss = net(images[begin : begin + SHARD]).sum()
        loss.backward()  # MXNet changes the statistics here, and does not know that they are to be waited for
        nd.waitall()
        found.append({name: each.data().asnumpy() for name, each in named_parameters(net).items() if "running" in name})
    take(step)
    after = step.state.parameters()
    for name in found[0]:
        expected = np.mean([each[name] for each in found], axis=0)
        np.testing.assert_allclose(after[name], expected, rtol=1e-5, atol=1e-7)
        assert np.abs(after[name] - (0 if "mean" in name else 1)).max() > 1e-3


def test_statistics_out_of_range_are_noticed(split):
    step = make_step(split, *normal())
    step.state.running.vector[:] = 1e30
    assert take(step).shards_in_range == 0


def test_what_is_frozen_stays_to_the_bit(split):
    step = make_step(split, *noisy())
    before = step.state.parameters()
    take(step)
    after = step.state.parameters()
    changed = {name for name in after if after[name].tobytes() != before[name].tobytes()}
    assert changed == set(after) - {"4.constant", "4.tiny"}
    assert {"4.constant", "4.tiny"} <= set(after)


def test_another_epoch_or_seed_drops_other_values(split):
    losses = []
    for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0)):
        step = make_step(split, nn.Dropout(0.5), seed=seed)
        step.state.progress = Progress(epoch=epoch)
        mx.random.seed(len(losses))  # whatever was drawn before
        losses.append(take(step).loss)
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3


def test_clipping_is_gluons(split):
    free, clipped = make_step(split, momentum=0), make_step(split, momentum=0, clip_norm=0.05)
    start = free.state.trained.vector.asnumpy()
    take(free)
    take(clipped)
    whole, part = ((step.state.trained.vector.asnumpy() - start) for step in (free, clipped))
    decay = 0.1 * 1e-3 * start  # learning rate by weight decay: it is not clipped
    gradients = [nd.array((whole + decay) / 0.1)]
    gluon.utils.clip_global_norm(gradients, 0.05)
    np.testing.assert_allclose(part, gradients[0].asnumpy() * 0.1 - decay, rtol=1e-3, atol=1e-7)
    assert np.linalg.norm((part + decay) / 0.1) == pytest.approx(0.05, rel=1e-3)


def test_clipping_leaves_short_gradients_alone(split):
    free, clipped = make_step(split), make_step(split, clip_norm=1e5)
    for step in (free, clipped):
        take(step)
    assert free.state.trained.vector.asnumpy().tobytes() == clipped.state.trained.vector.asnumpy().tobytes()


def test_label_smoothing_spreads_a_part_of_each_label(split):
    smoothed = take(make_step(split, label_smoothing=0.3))
    net = make_net()
    logits = net(normalise(nd.array(split.images, dtype="uint8")))
    targets = 0.7 * np.eye(10)[split.labels] + 0.03
    expected = -(logits.log_softmax().asnumpy() * targets).sum(axis=1).mean()
    assert smoothed.loss == pytest.approx(expected, rel=1e-5)
    assert smoothed.loss != pytest.approx(take(make_step(split)).loss, rel=1e-3)


def test_a_layer_that_is_shared_is_one_parameter_of_two_names(split):
    first = nn.Dense(12, in_units=12, flatten=False)
    net = nn.HybridSequential()
    second = nn.Dense(12, in_units=12, flatten=False, params=first.params)
    net.add(first, second, nn.Dense(10))
    net.initialize()
    net(nd.zeros((2, 1, 12, 12)))
    step = step_of(net, split)
    take(step)
    after = step.state.parameters()
    assert (after["0.weight"] == after["1.weight"]).all()
    assert step.state.trained.layout.size == 12 * 13 + 10 * (12 * 12) + 10
