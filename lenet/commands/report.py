"""python -m lenet report: what runs have done, as pictures and one page that needs nothing but a browser."""

from functools import partial
from pathlib import Path

import mxnet as mx

from lenet import cli
from lenet.commands import plots, report_page
from lenet.commands.network import load_network
from lenet.commands.plots import MOST_RUNS, STEPS, TRAINING, VALIDATION
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.fashion_mnist import CLASS_NAMES
from lenet.errors import InputError
from lenet.run import history
from lenet.training.evaluation import confusion, mistakes, predict_logits

CURVES = {
    "loss": "Loss: cross-entropy over the training and the test images",
    "accuracy": "Accuracy on the training and the test images",
    "learning_rate": "Learning rate",
    "images_per_second": "Speed of training, over all processes",
}


def add_options(parser):
    """The options of the command."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN_DIR", help="output folder of a run; the report goes to the first"
    )
    cli.add_data_dir(parser)


def run(options):
    """Write the pictures and report.html into the folder of the first run."""
    if len(options.runs) > MOST_RUNS:
        raise InputError(f"{len(options.runs)} runs: the colours of at most {MOST_RUNS} can be told apart")
    runs = [history.read(folder) for folder in options.runs]
    names = _names(runs)
    target = runs[0].folder
    networks = [_look_at(run, name, options.data_dir) for run, name in zip(runs, names)]
    networks = [network for network in networks if network]
    drawings = {name: partial(curve, name, runs, names) for name in CURVES}
    for number, network in enumerate(networks, 1):
        ending = f"-{number}" if number > 1 else ""
        title = f"{network.run}: number of test images"
        drawings[f"confusion{ending}"] = partial(plots.confusion, network.confusion, title)
        if len(network.mistakes.images):
            drawings[f"mistakes{ending}"] = partial(_mistakes, network.mistakes)
    for name, draw in drawings.items():
        with plots.theme(plots.LIGHT):
            plots.save(draw(), target / f"{name}.png")
        print(f"wrote {target / name}.png")
    curves = {text: drawings[name] for name, text in CURVES.items()}
    report_page.write(target / "report.html", runs, names, curves, networks)
    print(f"wrote {target / 'report.html'}")


def curve(name, runs, names):
    """The figure of one of CURVES for the runs, one colour each."""
    in_epochs = all(len(run.epochs["step"]) for run in runs)
    lines = []
    for place, (run, label) in enumerate(zip(runs, names)):
        colour = f"C{place}"  # of the theme
        step_x = run.epochs_done(run.steps["step"]) if in_epochs else run.steps["step"]
        epoch_x = run.epochs["epoch"] + 1 if in_epochs else run.epochs["step"]
        if name == "learning_rate":
            lines.append((step_x, run.steps["learning_rate"], label, colour, {}))
        elif name == "images_per_second":
            lines.append((epoch_x, run.epochs[name], label, colour, VALIDATION))
        else:
            scale = 100 if name == "accuracy" else 1
            if name == "loss":
                lines.append((step_x, run.steps["loss"], f"{label}: single steps", colour, STEPS))
            lines.append((epoch_x, scale * run.epochs[f"train_{name}"], f"{label}: training", colour, TRAINING))
            lines.append((epoch_x, scale * run.epochs[f"validation_{name}"], f"{label}: test", colour, VALIDATION))
    units = {"loss": "loss (nats per image)", "accuracy": "accuracy (%)", "learning_rate": "learning rate"}
    limits = {} if name == "accuracy" else {"ylim": (0, None)}
    unit = units.get(name, "images per second")
    return plots.curves(lines, "epochs done" if in_epochs else "steps done", unit, **limits)


def _look_at(run, name, data_dir):
    """The newest Network of a run, or None if it has written none yet."""
    for attempt in range(3):
        path = run.weights()
        if path is None:
            print(f"{run.folder}: no network is written yet: no confusion matrix and no mistakes")
            return None
        try:
            net = load_network(path, mx.cpu())
            break
        except InputError:
            if attempt == 2 or path == run.weights():  # a run that goes on deletes its old checkpoints
                raise
    batches = Batches(fashion_mnist.load(data_dir or run.config.get("data_dir")).validation, mx.cpu())
    rows = range(len(batches))
    logits, labels = predict_logits(net, batches, rows)
    return report_page.Network(name, path.name, confusion(logits, labels), mistakes(logits, labels, batches, rows))


def _mistakes(wrong):
    titles = [
        f"True [{CLASS_NAMES[label]}]\nPredicted [{CLASS_NAMES[guess]}]\n{sure:.1%}, image {row}"
        for row, label, guess, sure in zip(wrong.rows, wrong.labels, wrong.predicted, wrong.confidence)
    ]
    return plots.image_grid(wrong.images, titles, columns=5)


def _names(runs):
    """A short name for each run: the last parts of its path, as many as make it differ from the others."""
    paths = [Path(run.folder).resolve().parts for run in runs]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    raise InputError(f"{runs[0].folder}: a run is named twice")
