"""python -m lenet report: what runs have done, as pictures and one page that needs nothing but a browser."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import partial

import mxnet as mx
from matplotlib.figure import Figure

from lenet import cli
from lenet.commands import plots, report_page
from lenet.commands.mistakes import Mistakes, find_mistakes
from lenet.commands.network import describe, load_network
from lenet.commands.pictures import viewable
from lenet.commands.plots import MAX_RUNS, STEPS, TRAINING, VALIDATION, Line
from lenet.commands.report_page import Network
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.errors import InputError
from lenet.run import history
from lenet.run.history import History
from lenet.training.evaluation import confusion, predict_logits

CURVES = {
    "loss": "Loss: cross-entropy over the training and the test images",
    "accuracy": "Accuracy on the training and the test images",
    "learning_rate": "Learning rate",
    "images_per_second": "Speed of training, over all processes",
}
UNITS = {
    "loss": "loss (nats per image)",
    "accuracy": "accuracy (%)",
    "learning_rate": "learning rate",
    "images_per_second": "images per second",
}


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN_DIR", help="output folder of a run; the report goes to the first"
    )
    cli.add_network(parser)
    cli.add_data_dir(parser)


def main(options: Namespace) -> None:
    """Write the pictures and report.html into the folder of the first run."""
    if len(options.runs) > MAX_RUNS:
        raise InputError(f"{len(options.runs)} runs: the colours of at most {MAX_RUNS} can be told apart")
    runs = [history.read(folder) for folder in options.runs]
    names = _names(runs)
    target = runs[0].folder
    evaluated = [_evaluate_newest(run, name, options.data_dir, options.network) for run, name in zip(runs, names)]
    networks = [network for network in evaluated if network]
    figures = {name: partial(curve, name, runs, names) for name in CURVES}
    for number, network in enumerate(networks, 1):
        ending = f"-{number}" if number > 1 else ""
        title = f"{network.run_name}: number of test images"
        figures[f"confusion{ending}"] = partial(plots.confusion, network.confusion, network.class_names, title)
        if len(network.mistakes.images):
            figures[f"mistakes{ending}"] = partial(_mistakes, network.mistakes, network.class_names)
    for name, draw in figures.items():
        with plots.theme(plots.LIGHT):
            plots.save(draw(), target / f"{name}.png")
        print(f"wrote {target / name}.png")
    curves = {caption: figures[name] for name, caption in CURVES.items()}
    report_page.write(target / "report.html", runs, names, curves, networks)
    print(f"wrote {target / 'report.html'}")


def curve(name: str, runs: Sequence[History], names: Sequence[str]) -> Figure:
    """The figure of one of CURVES for the runs, one colour each."""
    in_epochs = all(len(run.epochs["step"]) for run in runs)
    lines = []
    for number, (run, label) in enumerate(zip(runs, names)):
        colour = f"C{number}"  # of the theme
        step_x = run.epochs_done(run.steps["step"]) if in_epochs else run.steps["step"]
        epoch_x = run.epochs["epoch"] + 1 if in_epochs else run.epochs["step"]
        if name == "learning_rate":
            lines.append(Line(step_x, run.steps["learning_rate"], label, colour, {}))
        elif name == "images_per_second":
            lines.append(Line(epoch_x, run.epochs[name], label, colour, VALIDATION))
        else:
            scale = 100 if name == "accuracy" else 1
            if name == "loss":
                lines.append(Line(step_x, run.steps["loss"], f"{label}: single steps", colour, STEPS))
            lines.append(Line(epoch_x, scale * run.epochs[f"train_{name}"], f"{label}: training", colour, TRAINING))
            lines.append(Line(epoch_x, scale * run.epochs[f"validation_{name}"], f"{label}: test", colour, VALIDATION))
    limits = {} if name == "accuracy" else {"ylim": (0, None)}
    return plots.curves(lines, "epochs done" if in_epochs else "steps done", UNITS[name], **limits)


def _evaluate_newest(run: History, name: str, data_dir: str | None, network: str | None) -> Network | None:
    """The newest Network of a run, or None if it has written none yet."""
    path = run.newest_weights()
    if path is None:
        print(f"{run.folder}: no network is written yet: no confusion matrix and no mistakes")
        return None
    dataset = fashion_mnist.load(data_dir or run.config.get("data_dir"))
    try:
        found = describe(path, network, dataset)
        net = load_network(path, mx.cpu(), found)
    except InputError:
        if path == run.newest_weights():
            raise
        return _evaluate_newest(
            run, name, data_dir, network
        )  # a run that goes on has deleted this checkpoint meanwhile
    split = dataset.validation
    data = Batches(split, mx.cpu(), found.pixel_mean, found.pixel_std)
    logits, labels = predict_logits(net, data, range(len(split)))
    return Network(name, path.name, found.class_names, confusion(logits, labels), find_mistakes(logits, split))


def _mistakes(mistakes: Mistakes, class_names: Sequence[str]) -> Figure:
    titles = [
        f"True [{class_names[label]}]\nPredicted [{class_names[guess]}]\n{confidence:.1%}, image {row}"
        for row, label, guess, confidence in zip(
            mistakes.rows, mistakes.labels, mistakes.predicted, mistakes.confidence
        )
    ]
    return plots.image_grid(viewable(mistakes.images), titles, columns=5)


def _names(runs: Sequence[History]) -> list[str]:
    """A short name for each run: the last parts of its path, as many as make it differ from the others."""
    paths = [run.folder.resolve().parts for run in runs]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    raise InputError(f"{runs[0].folder}: a run is named twice")
