"""A run in TensorBoard's own format: scalars, and once an epoch the confusion matrix and the surest mistakes.

It writes by itself: tensorboardX's SummaryWriter hands its events to a thread, which ends on a full disk
without telling, and waits for it for ever once its queue is full.
"""

import io
import os
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from lenet.data.fashion_mnist import CLASS_NAMES

CELL, MARGIN, BELOW = 34, 92, 38  # pixels of a cell of the matrix, and beside and below it for words
BLUE = np.array([8, 48, 107])  # of the largest shade
SIDE, LABEL = 84, 28  # pixels of an image of a mistake, and below it for the words


class TensorBoardWriter:
    """The event file of a run in `folder` that goes on after `last_step`. Every method can raise OSError."""

    def __init__(self, folder, last_step):
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.writer = EventsWriter(os.path.join(folder, "events"), f".{os.getpid()}")
        # what an earlier part of the run wrote of later steps is taken back
        start = Event(step=last_step + 1, session_log=SessionLog(status=SessionLog.START))
        self.writer.write_event(start)
        self.writer.flush()

    def step(self, step, loss, learning_rate):
        """Add the loss and the learning rate of a step."""
        self._add(step, summary.scalar("loss/step", loss))
        self._add(step, summary.scalar("learning_rate", learning_rate))

    def epoch(self, step, train, validation, images_per_second):
        """Add an epoch that ended with `step`: the Totals of its training and the Evaluation after it."""
        for name, totals in (("train", train), ("validation", validation)):
            self._add(step, summary.scalar(f"loss/{name}", totals.mean_loss))
            self._add(step, summary.scalar(f"accuracy/{name}", totals.accuracy))
        self._add(step, summary.scalar("images_per_second", images_per_second))
        self.writer.flush()

    def close(self):
        """End the file."""
        self.writer.close()

    def _add(self, step, content):
        self.writer.write_event(Event(wall_time=time.time(), step=step, summary=content))


def _image(name, canvas):
    """A picture as a Summary. tensorboardX's own function resizes it first: that takes longest."""
    content = io.BytesIO()
    canvas.save(content, format="PNG", compress_level=1)
    width, height = canvas.size
    channels = len(canvas.getbands())
    image = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=content.getvalue())
    return Summary(value=[Summary.Value(tag=name, image=image)])


@lru_cache
def _font():
    return ImageFont.load_default(11)


def draw_confusion(matrix):
    """A picture of the confusion matrix (10, 10), drawn in milliseconds.

    Matplotlib would take a tenth of a second, which is more than a hundredth of a short epoch.
    """
    part = matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    cells = (255 - part[..., None] * (255 - BLUE)).astype(np.uint8)  # (10, 10, 3)
    canvas = Image.new("RGB", (MARGIN + 10 * CELL, 10 * CELL + BELOW), "white")
    canvas.paste(Image.fromarray(cells).resize((10 * CELL, 10 * CELL), Image.Resampling.NEAREST), (MARGIN, 0))
    draw, font = ImageDraw.Draw(canvas), _font()
    for label, name in enumerate(CLASS_NAMES):
        middle = label * CELL + CELL // 2
        draw.text((MARGIN - 6, middle), f"{name} {label}", "black", font, anchor="rm")
        draw.text((MARGIN + middle, 10 * CELL + 4), f"{label}", "black", font, anchor="ma")
        for predicted in range(10):
            ink = "white" if part[label, predicted] > 0.5 else "black"
            place = MARGIN + predicted * CELL + CELL // 2, middle
            draw.text(place, f"{matrix[label, predicted]}", ink, font, anchor="mm")
    draw.text((MARGIN + 5 * CELL, 10 * CELL + 20), "predicted class (rows: true class)", "black", font, anchor="ma")
    return canvas


def draw_mistakes(wrong):
    """A picture of Mistakes, five in a row, with what they are and are taken for."""
    rows = -(-len(wrong.images) // 5)
    canvas = Image.new("L", (5 * (SIDE + 8), rows * (SIDE + LABEL + 8)), "white")
    draw, font = ImageDraw.Draw(canvas), _font()
    for place, (image, label, guess) in enumerate(zip(wrong.images, wrong.labels, wrong.predicted)):
        left, top = place % 5 * (SIDE + 8) + 4, place // 5 * (SIDE + LABEL + 8) + 4
        canvas.paste(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.NEAREST), (left, top))
        draw.text((left, top + SIDE + 1), CLASS_NAMES[label], "black", font)
        draw.text((left, top + SIDE + 14), f"as {CLASS_NAMES[guess]}", "black", font)
    return canvas
