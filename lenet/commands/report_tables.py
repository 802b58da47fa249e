"""The tables of the report's page, as HTML: results, options, classes and failure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from lenet.commands.evaluate import class_scores
from lenet.config import Config
from lenet.errors import shorten
from lenet.run.history import History
from lenet.untrusted import read_json

TOP5 = "Top-5 accuracy"  # a row only where a run has it
HEADS = (
    "Run",
    "Epochs",
    "Steps",
    "Best accuracy",
    "Accuracy",
    TOP5,
    "Loss (nats)",
    "Images per second",
    "Processes",
    "Differs from the default in",
)
NO_RECIPE = ("output_dir", "resume")  # options that differ from run to run and change nothing
FAILURE = {
    "reason": "Reason",
    "exit_code": "Exit code",
    "rank": "Rank",
    "host": "Host",
    "step": "Step",
    "waiting_for": "It waited for",
    "time": "Time",
    "versions": "Versions",
}
MAX_STACK = 1 << 16  # characters on the page


def facts(runs: Sequence[History], names: Sequence[str]) -> str:
    """Return the table of results: a row for each fact, a column for each run."""
    columns = [HEADS, *(_facts_of(run, name) for run, name in zip(runs, names))]
    rows = (
        f"<tr>{_head(head)}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for head, *cells in zip(*columns)
        if head != TOP5 or any(cell != "-" for cell in cells)
    )
    return _table(rows)


def recipe(runs: Sequence[History], names: Sequence[str]) -> str:
    """Return the table of options: a row for each, a column for each run, a mark where a value is not the default."""
    default = asdict(Config())
    options = dict.fromkeys([*default, *(str(name) for run in runs for name in run.config)])
    rows = [f"<tr>{''.join(map(_head, ['Option', *names, 'Default']))}</tr>"]
    for name in (each for each in options if each not in NO_RECIPE):
        cells = [_value(run.config.get(name, "?"), _differs(run, name, default)) for run in runs]
        rows.append(f"<tr>{_head(name)}{''.join(cells)}{_value(default.get(name, '-'))}</tr>")
    return _table(rows)


def classes(confusion: np.ndarray, class_names: Sequence[str]) -> str:
    """Return the table of the classes, from the matrix (classes, classes) of labels by predictions."""
    rows = [f"<tr>{''.join(map(_head, ('class', 'precision', 'recall', 'support')))}</tr>"]
    for name, *scores in class_scores(confusion, class_names):
        rows.append(f"<tr>{_head(name)}{''.join(f'<td>{score}</td>' for score in scores)}</tr>")
    return _table(rows)


def failure(folder: Path, name: str) -> str:
    """Return the contents of failure.json under a heading, or nothing if a run has none."""
    try:
        found = read_json(folder / "failure.json")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        found = {"reason": f"failure.json cannot be read: {getattr(error, 'strerror', None) or error}"}
    rows = [
        f"<tr>{_head(head)}<td>{_text(found[key], 1000)}</td></tr>" for key, head in FAILURE.items() if key in found
    ]
    stacks = found.get("stacks")
    shown = f"<details><summary>Stacks</summary><pre>{_text(stacks, MAX_STACK)}</pre></details>" if stacks else ""
    return f'<section class="failure"><h2>{escape(name)}: how the job ended</h2>{_table(rows)}{shown}</section>'


def _facts_of(run: History, name: str) -> Iterator[str]:
    epochs, config, default = run.epochs, run.config, asdict(Config())
    yield name
    yield f"{len(epochs['epoch'])} of {shorten(config.get('epochs', '?'))}"
    yield f"{int(max([*run.steps['step'], *epochs['step']])):,}"
    if len(epochs["epoch"]):
        yield f"{epochs['validation_accuracy'].max():.2%}"
        yield f"{epochs['validation_accuracy'][-1]:.2%}"
        top5 = epochs["validation_top5"][-1]
        yield "-" if np.isnan(top5) else f"{top5:.2%}"
        yield f"{epochs['validation_loss'][-1]:.3f}"
        yield f"{epochs['images_per_second'][-1]:,.0f}"
        yield f"{epochs['processes'][-1]:.0f}"
    else:
        yield from 6 * ["-"]
    yield ", ".join(name for name in default if name not in NO_RECIPE and _differs(run, name, default)) or "nothing"


def _differs(run: History, name: str, default: dict[str, Any]) -> bool:
    """Return whether the option differs from the default. An older run may not have it."""
    return name in run.config and run.config[name] != default.get(name)


def _value(value: Any, is_marked: bool = False) -> str:
    text = escape("-" if value is None else shorten(value))
    return f"<td><mark>{text}</mark></td>" if is_marked else f"<td>{text}</td>"


def _text(value: Any, limit: int) -> str:
    """Return a JSON value as text: for an object a line for each name."""
    if isinstance(value, dict):
        text = "\n".join(
            f"{name}: {each if isinstance(each, str) else json.dumps(each)}" for name, each in value.items()
        )
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    return escape(text if len(text) <= limit else f"{text[:limit]}…")


def _head(text: str) -> str:
    return f"<th>{escape(text)}</th>"


def _table(rows: Iterator[str] | Sequence[str]) -> str:
    return f'<div class="wide"><table>\n{chr(10).join(rows)}\n</table></div>'
