"""TensorBoard's files: the numbers of metrics.jsonl, and no point twice after a resume."""

import struct

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from tests.support import run_jobs
from tests.support.run_jobs import gloo


def events(folder):
    """The events of a run in the order in which TensorBoard reads them: files by name, records as they stand."""
    for path in sorted((folder / "tensorboard").iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)  # then 4 bytes of checksum, the event, 4 bytes
            yield Event.FromString(content[at + 12 : at + 12 + length])
            at += length + 16


def points(folder):
    """{tag: [(step, value)]} as TensorBoard shows them: a start takes back what it starts before."""
    found = {}
    for event in events(folder):
        if event.session_log.status == SessionLog.START:
            found = {tag: [each for each in old if each[0] < event.step] for tag, old in found.items()}
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def check(folder):
    """All points are those of metrics.jsonl, each once, and there are no others."""
    found = points(folder)
    steps, epochs = run_jobs.records(folder, "step"), run_jobs.records(folder, "epoch")
    names = {
        "loss/step": (steps, "loss"),
        "learning_rate": (steps, "learning_rate"),
        "loss/train": (epochs, "train_loss"),
        "loss/validation": (epochs, "validation_loss"),
        "accuracy/train": (epochs, "train_accuracy"),
        "accuracy/validation": (epochs, "validation_accuracy"),
        "images_per_second": (epochs, "images_per_second"),
    }
    for tag, (records, name) in names.items():
        assert found[tag] == [(record["step"], np.float32(record[name])) for record in records], tag
    assert set(found) == set(names)


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), (gloo, 2)], ids=["alone", "horovodrun"])
def test_the_points_are_those_of_metrics_from_rank_0_alone(finished, launcher, processes):
    folder = finished(launcher, processes)
    assert len(list((folder / "tensorboard").iterdir())) == 1
    check(folder)


@pytest.mark.parametrize("again", ["auto", "never"])
def test_resumed_or_begun_anew_no_point_stands_twice(options, tmp_path, again):
    run_jobs.train([], tmp_path, *options, "--max-steps", 8)
    newest = max((tmp_path / "checkpoints").iterdir())
    newest.rename(tmp_path / "lost")  # so that steps 7 and 8 are done twice
    run_jobs.train([], tmp_path, *options, "--resume", again)
    starts = [event.step for event in events(tmp_path) if event.HasField("session_log")]
    assert starts == [1, 7 if again == "auto" else 1]
    check(tmp_path)


def test_without_tensorboard_nothing_is_written(options, tmp_path):
    run_jobs.train([], tmp_path, *options, "--no-tensorboard")
    assert not (tmp_path / "tensorboard").exists()
    assert len(run_jobs.records(tmp_path, "epoch")) == 3
