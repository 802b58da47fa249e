"""TensorBoard's files: the numbers of metrics.jsonl, no point twice after a resume, the options of the run."""

import struct

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

from tests.support import run_jobs
from tests.support.run_jobs import mpirun


def events(folder, part):
    """The events of `part` of a run in the order in which TensorBoard reads them: files by name, then as they stand."""
    for path in sorted((folder / "tensorboard" / part).iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)  # then 4 bytes of checksum, the event, 4 bytes
            yield Event.FromString(content[at + 12 : at + 12 + length])
            at += length + 16


def points(folder, part):
    """{tag: [(step, value)]} as TensorBoard shows them: a start takes back what it starts before."""
    found = {}
    for event in events(folder, part):
        if event.session_log.status == SessionLog.START:
            found = {tag: [each for each in old if each[0] < event.step] for tag, old in found.items()}
        for value in event.summary.value:
            if value.tag.startswith("_hparams_"):
                continue
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def check(folder):
    """All points are those of metrics.jsonl, each once, and there are no others."""
    steps, epochs = run_jobs.records(folder, "step"), run_jobs.records(folder, "epoch")
    names = {
        ("train", "loss/step"): (steps, "loss"),
        ("train", "learning_rate"): (steps, "learning_rate"),
        ("train", "loss"): (epochs, "train_loss"),
        ("validation", "loss"): (epochs, "validation_loss"),
        ("train", "accuracy"): (epochs, "train_accuracy"),
        ("validation", "accuracy"): (epochs, "validation_accuracy"),
        ("train", "images_per_second"): (epochs, "images_per_second"),
    }
    found = {(part, tag): line for part in ("train", "validation") for tag, line in points(folder, part).items()}
    for tag, (records, name) in names.items():
        assert found[tag] == [(record["step"], np.float32(record[name])) for record in records], tag
    assert set(found) == set(names)


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), (mpirun, 2)], ids=["alone", "mpirun"])
def test_the_points_are_those_of_metrics_from_rank_0_alone(finished, launcher, processes):
    folder = finished(launcher, processes)
    assert [len(list((folder / "tensorboard" / part).iterdir())) for part in ("train", "validation")] == [1, 1]
    check(folder)


@pytest.mark.parametrize("again", ["auto", "never"])
def test_resumed_or_begun_anew_no_point_stands_twice(options, tmp_path, again):
    run_jobs.train([], tmp_path, *options, "--max-steps", 8)
    newest = max((tmp_path / "checkpoints").iterdir())
    newest.rename(tmp_path / "lost")  # so that steps 7 and 8 are done twice
    run_jobs.train([], tmp_path, *options, "--resume", again)
    for part in ("train", "validation"):
        starts = [event.step for event in events(tmp_path, part) if event.HasField("session_log")]
        assert starts == [1, 7 if again == "auto" else 1]
    check(tmp_path)


def test_without_tensorboard_nothing_is_written(options, tmp_path):
    run_jobs.train([], tmp_path, *options, "--no-tensorboard")
    assert not (tmp_path / "tensorboard").exists()
    assert len(run_jobs.records(tmp_path, "epoch")) == 3


def test_the_options_are_hyper_parameters_beside_the_validation(finished):
    told = {}
    for event in events(finished(), "validation"):
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "hparams":
                told[value.tag] = HParamsPluginData.FromString(value.metadata.plugin_data.content)
    values = told["_hparams_/session_start_info"].session_start_info.hparams
    assert (values["learning_rate"].number_value, values["global_batch"].number_value) == (0.1, 64)
    assert values["schedule"].string_value == "cosine"
    metrics = {metric.name.tag for metric in told["_hparams_/experiment"].experiment.metric_infos}
    assert metrics <= set(points(finished(), "validation"))
