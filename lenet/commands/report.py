"""python -m lenet report: the results of runs as pictures and one self-contained HTML page."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import mxnet as mx
from matplotlib.figure import Figure

from lenet import cli
from lenet.commands import curves, mistakes, plots, report_page
from lenet.commands.plots import MAX_RUNS
from lenet.commands.report_page import Scores
from lenet.commands.trained_network import describe, load_trained, threads_for
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.errors import InputError
from lenet.run import history
from lenet.run.history import History
from lenet.run.output_dir import REPORT, report_files
from lenet.training.evaluation import confusion, predict_logits

SEVERAL = "comparison"  # the folder for the report of several runs, beside the first one's


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("runs", nargs="+", metavar="RUN_DIR", help="output folder of a run")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=f"folder for the report (default: RUN_DIR; of several runs: {SEVERAL}, beside the first RUN_DIR)",
    )
    parser.add_argument(
        "--picture",
        type=cli.path_ending(".png"),
        metavar="FILE",
        help="PNG to write besides: curves and confusion matrix of one run in one picture",
    )
    cli.add_network(parser)
    cli.add_data_dir(parser)


def main(options: Namespace) -> None:
    """Write the pictures and report.html, and remove the files of an earlier report."""
    if len(options.runs) > MAX_RUNS:
        raise InputError(f"{len(options.runs)} runs: the colours of at most {MAX_RUNS} can be told apart")
    if options.picture and len(options.runs) > 1:
        raise InputError(f"--picture {options.picture}: it is of one run, not of {len(options.runs)}")
    runs = [history.read(folder) for folder in options.runs]
    names = _names(runs)
    evaluated = [_evaluate_newest(run, name, options.data_dir, options.network) for run, name in zip(runs, names)]
    networks = [network for network in evaluated if network]
    target = options.output or (runs[0].folder if len(runs) == 1 else runs[0].folder.parent / SEVERAL)
    figures = _figures(runs, names, networks)
    _write_pictures(target, figures)
    captions = {text: figures[name] for name, text in curves.CAPTIONS.items() if name in figures}
    report_page.write(target / REPORT, runs, names, captions, networks)
    print(f"wrote {target / REPORT}")
    if options.picture:
        with plots.theme(plots.LIGHT):
            plots.save(_overview(runs[0], networks), options.picture, dpi=110)
        print(f"wrote {options.picture}")


def _figures(
    runs: Sequence[History], names: Sequence[str], networks: Sequence[Scores]
) -> dict[str, Callable[[], Figure]]:
    """Return the functions that draw the pictures, by the names of their files without the suffix."""
    figures: dict[str, Callable[[], Figure]] = {}
    for name in curves.names_with_data(runs):
        figures[name] = partial(curves.figure, name, runs, names)
    for number, network in enumerate(networks, 1):
        ending = f"-{number}" if number > 1 else ""
        title = f"{network.run_name}: number of test images"
        figures[f"confusion{ending}"] = partial(plots.confusion, network.confusion, network.class_names, title)
        if len(network.mistakes.images):
            figures[f"mistakes{ending}"] = partial(mistakes.figure, network.mistakes, network.class_names)
    return figures


def _write_pictures(target: Path, figures: dict[str, Callable[[], Figure]]) -> None:
    """Replace the earlier report's pictures with the figures. InputError: they cannot be written."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for old in report_files(target):
            old.unlink()
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}") from None
    for name, draw in figures.items():
        with plots.theme(plots.LIGHT):
            plots.save(draw(), target / f"{name}.png")
        print(f"wrote {target / name}.png")


def _evaluate_newest(run: History, name: str, data_dir: str | None, network: str | None) -> Scores | None:
    """Return the Scores of the newest network of a run, or None if it has not written one yet."""
    path = run.newest_weights()
    if path is None:
        print(f"{run.folder}: no network is written yet: no confusion matrix and no mistakes")
        return None
    dataset = fashion_mnist.load(data_dir or run.config.get("data_dir"))
    try:
        found = describe(path, network, dataset)
        net = load_trained(path, mx.cpu(), found)
    except InputError:
        if path == run.newest_weights():
            raise
        # The run is still training and has deleted this checkpoint meanwhile.
        return _evaluate_newest(run, name, data_dir, network)
    split = dataset.validation
    data = Batches(split, mx.cpu(), found.pixel_mean, found.pixel_std)
    logits, labels = predict_logits(net, data, range(len(split)), threads_for(found))
    return Scores(name, path.name, found.class_names, confusion(logits, labels), mistakes.find_mistakes(logits, split))


def _overview(run: History, networks: Sequence[Scores]) -> Figure:
    """Return the figure of --picture: loss and accuracy of a run, and the confusion matrix of its network, if any."""
    drawn = [name for name in ("loss", "accuracy") if curves.lines_of(name, [run])]
    result = Figure(figsize=(9.2 if networks else 4.6, 4.9), layout="constrained")
    widths = [1, *(1.12 for _ in networks)]
    left, *right = result.subfigures(1, len(widths), squeeze=False, width_ratios=widths)[0]
    panels = left.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    for name, axes in zip(drawn, panels):
        curves.draw(axes, name, [run])
        axes.label_outer()
    key = curves.key(curves.lines_of("loss", [run]), [""])
    left.legend(handles=key, loc="outside lower center", ncols=3, fontsize=8.5)
    for place, network in zip(right, networks):
        axes = place.subplots()
        plots.draw_confusion(axes, network.confusion, network.class_names)
        accuracy = network.confusion.trace() / network.confusion.sum()
        axes.set_title(f"{accuracy:.2%} of the test images are right", fontsize=10.5)
    return result


def _names(runs: Sequence[History]) -> list[str]:
    """Return a short name for each run: as many of the last parts of its path as make it unique."""
    paths = [run.folder.resolve().parts for run in runs]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    raise InputError(f"{runs[0].folder}: a run is named twice")
