"""The learning rate: a function of the progress, above zero within a run, blind to how the batch is split."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.config import Config
from lenet.run.progress import Progress
from lenet.training.schedule import learning_rate

schedules = st.sampled_from(["constant", "linear", "cosine"])


def rates(config, images, batch=None):
    """The learning rate of each step of a whole run."""
    progress, found = Progress(), []
    config = config if batch is None else replace(config, global_batch=batch)
    batch = config.global_batch
    while progress.epoch < config.epochs:
        taken = min(batch, images - progress.images_done)
        found.append(learning_rate(config, progress, taken, images))
        progress = progress.after_step(taken)
        if progress.images_done == images:
            progress = progress.after_epoch()
    return found


@pytest.mark.parametrize(("batch", "factor"), [(64, 0.25), (256, 1), (1024, 4)])
def test_the_peak_grows_with_the_global_batch(batch, factor):
    config = Config(learning_rate=0.1, reference_batch=256, schedule="constant", warmup_epochs=0)
    assert rates(config, images=2048, batch=batch) == pytest.approx([0.1 * factor] * (20480 // batch))


def test_the_last_step_of_an_epoch_has_the_rate_of_a_full_one():
    """Its gradient is a mean over fewer images, which changes how it varies and not how large it is."""
    config = Config(epochs=1, schedule="constant", warmup_epochs=0, learning_rate=0.1, reference_batch=64)
    assert rates(config, images=65, batch=64) == pytest.approx([0.1, 0.1])


@given(
    epochs=st.integers(1, 6),
    images=st.integers(1, 200),
    batch=st.integers(1, 300),
    part=st.floats(0, 1),
    schedule=schedules,
)
def test_never_zero_or_negative_and_never_above_the_peak(epochs, images, batch, part, schedule):
    config = Config(epochs=epochs, warmup_epochs=part * epochs, schedule=schedule, learning_rate=0.3)
    peak = 0.3 * batch / config.reference_batch
    found = rates(config, images, batch)
    assert all(0 < rate <= peak * (1 + 1e-12) and math.isfinite(rate) for rate in found)


@given(epochs=st.integers(2, 6), images=st.integers(1, 200), schedule=schedules, warmup=st.floats(0.1, 2))
def test_up_in_the_warm_up_then_never_up_again(epochs, images, schedule, warmup):
    config = Config(epochs=epochs, warmup_epochs=warmup, schedule=schedule)
    found = rates(config, images, batch=16)
    top = found.index(max(found))
    assert found[: top + 1] == sorted(found[: top + 1])
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in zip(found[top:], found[top + 1 :]))


def test_the_warm_up_is_linear_from_zero():
    """Each step has the rate of its middle: of 10 steps the first is at 1/20, the last at 19/20."""
    config = Config(epochs=3, warmup_epochs=1, schedule="constant", learning_rate=1, reference_batch=10)
    found = rates(config, images=100, batch=10)
    assert found[:10] == pytest.approx([(0.5 + step) / 10 for step in range(10)])
    assert found[10:] == pytest.approx([1.0] * 20)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_short_run_warms_up_for_its_first_half(schedule):
    config = Config(epochs=1, warmup_epochs=2, schedule=schedule, learning_rate=1, reference_batch=10)
    found = rates(config, images=100, batch=10)
    assert found[:5] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert found[5:] == sorted(found[5:], reverse=True)
    assert found[-1] < 0.2


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", lambda part: 1),
        ("linear", lambda part: 1 - part),
        ("cosine", lambda part: (1 + math.cos(math.pi * part)) / 2),
    ],
)
def test_the_shape_of_each_schedule(schedule, expected):
    config = Config(epochs=5, warmup_epochs=1, schedule=schedule, learning_rate=1, reference_batch=10)
    after_warmup = rates(config, images=100, batch=10)[10:]
    assert after_warmup == pytest.approx([expected((step + 0.5) / 40) for step in range(40)])


def test_nothing_but_the_arguments_decides():
    config = Config()
    where = Progress(epoch=4, images_done=640, step=99)
    assert learning_rate(config, where, 64, 6000) == learning_rate(config, where, 64, 6000)
    other_step = Progress(epoch=4, images_done=640, step=1)  # another batch before would have taken other steps
    assert learning_rate(config, where, 64, 6000) == learning_rate(config, other_step, 64, 6000)
