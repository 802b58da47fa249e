"""Which options a run may go on with, and that none is told of a result that it has not led to."""

import re
from dataclasses import fields, replace

import pytest

from lenet.config import Config
from lenet.errors import InputError
from lenet.run.progress import Progress
from lenet.run.resume import SETTINGS, changed_options
from lenet.run.state_file import KINDS
from tests.support.checkpoints import IDENTITY, make

# Options that no checkpoint keeps: where things are, who computes, when to end, and what `run` holds.
NOT_KEPT = "data_dir output_dir resume batch_size device debug max_steps deterministic_check shard global_batch seed "
NOT_KEPT += "network optimizer best summary profile"
UNFINISHED = make(step=5)
FINISHED = replace(UNFINISHED, progress=Progress(epoch=10, images_done=0, step=40))


def changes(found, identity=IDENTITY, **options):
    return [str(each) for each in changed_options(found, identity, Config(**options))]


def refusal(found, identity=IDENTITY, **options):
    with pytest.raises(InputError) as caught:
        changes(found, identity, **options)
    return str(caught.value)


def test_every_option_is_kept_or_is_not_for_a_reason():
    assert {*KINDS["options"], *NOT_KEPT.split()} == {field.name for field in fields(Config)}
    assert set(SETTINGS) < set(KINDS["options"])


def test_the_same_options_change_nothing():
    assert changes(UNFINISHED) == changes(FINISHED) == []


def test_what_may_change_on_the_way_is_told():
    told = changes(
        UNFINISHED, learning_rate=0.05, epochs=12, schedule="linear", checkpoint_every=7, stall_timeout=9, log_every=1
    )
    assert told == [
        "epochs 10 -> 12",
        "learning_rate 0.1 -> 0.05",
        "schedule cosine -> linear",
        "log_every 50 -> 1",
        "checkpoint_every none -> 7",
        "stall_timeout 60.0 -> 9.0",
    ]


@pytest.mark.parametrize("name", IDENTITY)
def test_another_run_is_refused_with_both_values(name):
    other = {**IDENTITY, name: 7}
    told = refusal(UNFINISHED, other, learning_rate=0.05)
    assert f"the run to resume has {name} {IDENTITY[name]}, this one 7: " in told
    assert "learning_rate" not in told  # that would be no reason
    if name == "global_batch":
        assert changes(UNFINISHED, other, resume="a/checkpoint") == ["global_batch 64 -> 7"]
    else:
        assert f"{name} {IDENTITY[name]}" in refusal(UNFINISHED, other, resume="a/checkpoint")


def test_all_that_differs_is_named():
    told = refusal(UNFINISHED, {**IDENTITY, "seed": 2, "shard": 8})
    assert "the run to resume has seed 1, shard 16, this one 2, 8: " in told


def test_a_finished_run_is_not_told_to_have_had_other_options():
    told = refusal(FINISHED, {**IDENTITY, "seed": 2}, learning_rate=0.05, momentum=0)
    assert told == (
        "runs/lenet: already finished with seed 1, learning_rate 0.1, momentum 0.95; "
        "start over with --resume never, or another --output-dir"
    )
    assert "already finished with epochs 10;" in refusal(FINISHED, epochs=5)
    assert refusal(FINISHED, learning_rate=0.05, resume="a/checkpoint").startswith("a/checkpoint: already finished")


def test_a_finished_run_goes_on_for_more_epochs():
    assert changes(FINISHED, epochs=12, learning_rate=0.05) == ["epochs 10 -> 12", "learning_rate 0.1 -> 0.05"]


def test_options_that_change_no_bit_are_nobodys_concern_in_a_finished_run():
    assert changes(FINISHED, log_every=1, stall_timeout=5) == []


def test_a_run_without_a_step_left_takes_no_other_options():
    assert re.search("already at step 5 with learning_rate 0.1;", refusal(UNFINISHED, max_steps=5, learning_rate=0.3))
    assert "already at step 5 with epochs 10;" in refusal(UNFINISHED, epochs=1)
