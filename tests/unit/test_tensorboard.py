"""TensorBoard's files: the numbers of metrics.jsonl, pictures, and no point twice after a resume."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event, SessionLog

from lenet.run.tensorboard import CELL, MARGIN, draw_confusion, draw_mistakes
from lenet.training.evaluation import Mistakes
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
    """{tag: [(step, value or picture)]} as TensorBoard shows them: a start takes back what it starts before."""
    found = {}
    for event in events(folder):
        if event.session_log.status == SessionLog.START:
            found = {tag: [each for each in old if each[0] < event.step] for tag, old in found.items()}
        for value in event.summary.value:
            content = value.image.encoded_image_string if value.HasField("image") else value.simple_value
            found.setdefault(value.tag, []).append((event.step, content))
    return found


def check(folder):
    """All scalars are those of metrics.jsonl, each once."""
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
    assert [step for step, _ in found["confusion"]] == [record["step"] for record in epochs]
    return found


@pytest.mark.parametrize(("launcher", "processes"), [(None, 1), (gloo, 2)], ids=["alone", "horovodrun"])
def test_the_points_are_those_of_metrics_from_rank_0_alone(finished, launcher, processes):
    folder = finished(launcher, processes)
    assert len(list((folder / "tensorboard").iterdir())) == 1
    found = check(folder)
    for tag in ("confusion", "mistakes"):
        picture = Image.open(io.BytesIO(found[tag][0][1]))
        assert min(picture.size) > 100


@pytest.mark.parametrize("again", ["auto", "never"])
def test_resumed_or_begun_anew_no_point_stands_twice(options, tmp_path, again):
    run_jobs.train([], tmp_path, *options(), "--max-steps", 8)
    newest = max((tmp_path / "checkpoints").iterdir())
    newest.rename(tmp_path / "lost")  # so that steps 7 and 8 are done twice
    run_jobs.train([], tmp_path, *options(), "--resume", again)
    starts = [event.step for event in events(tmp_path) if event.HasField("session_log")]
    assert starts == [1, 7 if again == "auto" else 1]
    check(tmp_path)


def test_without_tensorboard_nothing_is_written(options, tmp_path):
    run_jobs.train([], tmp_path, *options(), "--no-tensorboard")
    assert not (tmp_path / "tensorboard").exists()
    assert len(run_jobs.records(tmp_path, "epoch")) == 3


def test_the_matrix_is_shaded_by_parts_of_the_row():
    matrix = np.zeros((10, 10), int)
    matrix[2, 2], matrix[2, 3], matrix[4, 0] = 75, 25, 9
    pixels = np.asarray(draw_confusion(matrix)).astype(int)
    corners = pixels[2 : 10 * CELL : CELL, MARGIN + 2 :: CELL].sum(axis=2)[:10, :10]  # where no number stands
    assert corners[4, 0] < corners[2, 2] < corners[2, 3] < corners[0, 0] == 3 * 255


def test_the_mistakes_show_the_images():
    images = np.arange(7 * 784, dtype=np.uint32).reshape(7, 28, 28).astype(np.uint8)
    numbers = np.arange(7)
    picture = draw_mistakes(Mistakes(numbers, numbers, numbers + 1, numbers / 7, images))
    found = np.asarray(picture.crop((4, 4, 88, 88)).resize((28, 28), Image.Resampling.NEAREST))
    assert (found == images[0]).all()
    assert picture.size[0] > 1.5 * picture.size[1]  # five beside each other, two rows
