"""The report's page: one HTML file with everything in it, for light and dark screens of any width."""

import base64
import io
import string
import time
from html import escape
from pathlib import Path

from PIL import Image

from lenet import pictures
from lenet.data import CLASS_NAMES
from lenet.errors import InputError
from lenet.files import whole_file

TEMPLATE = Path(__file__).with_name("report_template.html")
HEADS = (
    "Run",
    "Epochs",
    "Steps",
    "Best accuracy",
    "Last accuracy",
    "Last loss",
    "Images/s",
    "Processes",
    "Batch per process",
    "Learning rate",
)


def write(path, runs, names, curves, drawings, networks):
    """Write the page of `runs`, Histories, with their names. `drawings` make the figures by name; `curves` has the
    captions of some; `networks` are (name of the run, step, name of its confusion matrix, Mistakes, images).
    """
    text = string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape("Training of " + ", ".join(names)),
        made=f"As of {time.strftime('%Y-%m-%d %H:%M:%S %Z')}. Accuracy and loss in the table: on the test images.",
        heads="".join(f"<th>{head}</th>" for head in HEADS),
        rows="\n".join(_row(run, name) for run, name in zip(runs, names)),
        curves="\n".join(_picture(drawings[name], caption) for name, caption in curves.items()),
        networks="\n".join(_network(drawings, *network) for network in networks),
    )
    try:
        with whole_file(path) as place:
            Path(place).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _row(run, name):
    epochs, config = run.epochs, run.config
    cells = [escape(name), f"{len(epochs['epoch'])} of {config.get('epochs', '?')}"]
    cells.append(f"{int(max([*run.steps['step'], *epochs['step']])):,}")
    if len(epochs["epoch"]):
        accuracy, loss = epochs["validation_accuracy"], epochs["validation_loss"]
        speed, processes = epochs["images_per_second"][-1], epochs["processes"][-1]
        cells += [
            f"{accuracy.max():.2%}",
            f"{accuracy[-1]:.2%}",
            f"{loss[-1]:.3f}",
            f"{speed:,.0f}",
            f"{processes:.0f}",
        ]
    else:
        cells += 5 * ["-"]
    cells += [escape(str(config.get(key, "?"))) for key in ("batch_size", "learning_rate")]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _picture(draw, caption):
    """A figure with a caption, drawn once for light and once for dark screens."""
    sources = {}
    for name, colours in (("light", pictures.LIGHT), ("dark", pictures.DARK)):
        with pictures.theme(colours):
            sources[name] = _address("image/svg+xml", pictures.svg(draw()))
    return (
        f'<figure><picture><source srcset="{sources["dark"]}" media="(prefers-color-scheme: dark)">'
        f'<img src="{sources["light"]}" alt="{escape(caption)}"></picture>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _network(drawings, name, step, matrix, wrong, images):
    when = f"after step {step:,}" if step is not None else "as trained"
    caption = f"Confusion matrix over all {len(images):,} test images: numbers of images"
    cells = [
        f'<figure><img src="{_png(images[row])}" alt="test image {row}"><figcaption>'
        f"{escape(CLASS_NAMES[label])}, taken for <b>{escape(CLASS_NAMES[guess])}</b> ({sure:.1%}), image {row}</figcaption></figure>"
        for row, label, guess, sure in zip(wrong.rows, wrong.labels, wrong.predicted, wrong.confidence)
    ]
    return (
        f"<h2>{escape(name)}, {when}</h2>\n"
        f'<div class="pictures">\n{_picture(drawings[matrix], caption)}\n</div>\n'
        f"<h2>{escape(name)}: the {len(cells)} mistakes that it is surest of</h2>\n"
        f'<div class="mistakes">\n{chr(10).join(cells)}\n</div>'
    )


def _png(image):
    target = io.BytesIO()
    Image.fromarray(image).save(target, format="PNG")
    return _address("image/png", target.getvalue())


def _address(kind, content):
    """A data URI: the content itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
