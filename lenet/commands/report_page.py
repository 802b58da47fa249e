"""The report's page: one HTML file with everything in it, for light and dark screens of any width."""

import base64
import io
import string
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from lenet.commands import plots
from lenet.commands.evaluate import class_table
from lenet.commands.mistakes import Mistakes
from lenet.errors import InputError, shorten
from lenet.files import whole_file
from lenet.run.history import History

TEMPLATE = Path(__file__).with_name("report_template.html")
HEADS = (
    "Run",
    "Epochs",
    "Steps",
    "Best accuracy",
    "Accuracy",
    "Loss (nats)",
    "Images per second",
    "Processes",
    "Batch per process",
    "learning_rate",
)


@dataclass(frozen=True, eq=False)
class Network:
    """How a network that a run has written does on the test images."""

    run_name: str
    file: str  # the name of its file or folder
    class_names: tuple[str, ...]
    confusion: np.ndarray  # (10, 10) int, label by prediction
    mistakes: Mistakes


def write(
    path: Path,
    runs: Sequence[History],
    names: Sequence[str],
    curves: Mapping[str, Callable[[], Figure]],
    networks: Sequence[Network],
) -> None:
    """Write the page of `runs` with their names. `curves` has what draws a figure by its caption.

    InputError: it cannot be written.
    """
    text = string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape("Training of " + ", ".join(names)),
        made=f"As of {time.strftime('%Y-%m-%d %H:%M:%S %Z')}. Accuracy and loss here: on the test images.",
        facts="\n".join(_facts(runs, names)),
        curves="\n".join(_picture(draw, caption) for caption, draw in curves.items()),
        networks="\n".join(_network(network) for network in networks),
    )
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _facts(runs: Sequence[History], names: Sequence[str]) -> Iterator[str]:
    """The rows of the table: a fact each, a column for each run."""
    columns = [HEADS, *(_column(run, name) for run, name in zip(runs, names))]
    for cells in zip(*columns):
        yield f"<tr><th>{cells[0]}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells[1:])}</tr>"


def _column(run: History, name: str) -> Iterator[str]:
    epochs, config = run.epochs, run.config
    yield name
    yield f"{len(epochs['epoch'])} of {shorten(config.get('epochs', '?'))}"
    yield f"{int(max([*run.steps['step'], *epochs['step']])):,}"
    if len(epochs["epoch"]):
        yield f"{epochs['validation_accuracy'].max():.2%}"
        yield f"{epochs['validation_accuracy'][-1]:.2%}"
        yield f"{epochs['validation_loss'][-1]:.3f}"
        yield f"{epochs['images_per_second'][-1]:,.0f}"
        yield f"{epochs['processes'][-1]:.0f}"
    else:
        yield from 5 * ["-"]
    yield shorten(config.get("batch_size", "?"))
    yield shorten(config.get("learning_rate", "?"))


def _picture(draw: Callable[[], Figure], caption: str) -> str:
    """A figure with a caption, drawn once for light and once for dark screens."""
    sources = {}
    for name, colours in (("light", plots.LIGHT), ("dark", plots.DARK)):
        with plots.theme(colours):
            sources[name] = _data_uri("image/svg+xml", plots.svg(draw()))
    return (
        f'<figure><picture><source srcset="{sources["dark"]}" media="(prefers-color-scheme: dark)">'
        f'<img src="{sources["light"]}" alt="{escape(caption)}"></picture>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _network(network: Network) -> str:
    matrix, mistakes, name, class_names = (
        network.confusion,
        network.mistakes,
        escape(network.run_name),
        network.class_names,
    )
    caption = f"Confusion matrix of all {matrix.sum():,} test images, shaded by their part of the true class"
    draw = partial(plots.confusion, matrix, class_names, f"{network.run_name}: number of test images")
    table = "\n".join(class_table(matrix, class_names))
    cells = [
        f'<figure><img src="{_png(image)}" alt="test image {row}"><figcaption>{escape(class_names[label])}, '
        f"taken for <b>{escape(class_names[guess])}</b> ({confidence:.1%}), image {row}</figcaption></figure>"
        for row, label, guess, confidence, image in zip(
            mistakes.rows, mistakes.labels, mistakes.predicted, mistakes.confidence, mistakes.images
        )
    ]
    return (
        f"<h2>{name}: the classes, by {escape(network.file)}</h2>\n"
        f'<div class="pictures">\n{_picture(draw, caption)}\n<pre>{escape(table)}</pre>\n</div>\n'
        f"<h2>{name}: the {len(cells)} mistakes that it is surest of</h2>\n"
        f'<div class="mistakes">\n{chr(10).join(cells)}\n</div>'
    )


def _png(image: np.ndarray) -> str:
    target = io.BytesIO()
    Image.fromarray(image).save(target, format="PNG")
    return _data_uri("image/png", target.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
