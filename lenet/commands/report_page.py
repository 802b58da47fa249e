"""The report's page: one self-contained HTML file, for light and dark screens of any width."""

import base64
import io
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from lenet.atomic import whole_file
from lenet.commands import plots, report_tables
from lenet.commands.mistakes import Mistakes
from lenet.commands.pictures import viewable
from lenet.errors import InputError
from lenet.run.history import History

TEMPLATE = Path(__file__).with_name("report_template.html")


@dataclass(frozen=True, eq=False)
class Scores:
    """The results of a run's network on the test images."""

    run_name: str
    file: str  # the name of its file or folder
    class_names: Sequence[str]
    confusion: np.ndarray  # (classes, classes) int, label by prediction
    mistakes: Mistakes


def write(
    path: Path,
    runs: Sequence[History],
    names: Sequence[str],
    curves: Mapping[str, Callable[[], Figure]],
    networks: Sequence[Scores],
) -> None:
    """Write the page of `runs` with their names. `curves` maps captions to functions that draw the figures.

    InputError: it cannot be written.
    """
    text = string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape("Training of " + ", ".join(names)),
        made=f"As of {time.strftime('%Y-%m-%d %H:%M:%S %Z')}. Accuracy and loss here: on the test images.",
        failures="\n".join(report_tables.failure(run.folder, name) for run, name in zip(runs, names)),
        facts=report_tables.facts(runs, names),
        curves="\n".join(_picture(draw, caption) for caption, draw in curves.items()),
        networks="\n".join(_network(network) for network in networks),
        recipe=report_tables.recipe(runs, names),
    )
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _picture(draw: Callable[[], Figure], caption: str) -> str:
    """Return the HTML of a figure with a caption, drawn once for light and once for dark screens."""
    sources = {}
    for name, colours in (("light", plots.LIGHT), ("dark", plots.DARK)):
        with plots.theme(colours):
            sources[name] = _data_uri("image/svg+xml", plots.svg(draw()))
    return (
        f'<figure><picture><source srcset="{sources["dark"]}" media="(prefers-color-scheme: dark)">'
        f'<img src="{sources["light"]}" alt="{escape(caption)}"></picture>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _network(network: Scores) -> str:
    matrix, name, class_names = network.confusion, escape(network.run_name), network.class_names
    caption = (
        f"Confusion matrix of all {matrix.sum():,} test images. Blue: the correct part of a class. Orange: errors, on "
        "a scale of their own"
    )
    draw = partial(plots.confusion, matrix, class_names, f"{network.run_name}: number of test images")
    cells = _mistakes(network.mistakes, class_names)
    shown = f"<h2>{name}: the {len(cells)} mistakes that it is surest of</h2>\n"
    return (
        f"<h2>{name}: the classes, by {escape(network.file)}</h2>\n"
        f'<div class="pictures">\n{_picture(draw, caption)}\n'
        f'<div class="long">{report_tables.classes(matrix, class_names)}</div>\n</div>\n'
        + (f'{shown}<div class="mistakes">\n{chr(10).join(cells)}\n</div>' if cells else "")
    )


def _mistakes(mistakes: Mistakes, class_names: Sequence[str]) -> list[str]:
    return [
        f'<figure><img src="{_png(image)}" alt="test image {row}"><figcaption>{escape(class_names[label])}, '
        f"taken for <b>{escape(class_names[guess])}</b> ({confidence:.1%}), image {row}</figcaption></figure>"
        for row, label, guess, confidence, image in zip(
            mistakes.rows, mistakes.labels, mistakes.predicted, mistakes.confidence, mistakes.images
        )
    ]


def _png(image: np.ndarray) -> str:
    target = io.BytesIO()
    Image.fromarray(viewable(image[None])[0]).save(target, format="PNG")
    return _data_uri("image/png", target.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
