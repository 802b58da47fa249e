"""python -m lenet COMMAND: see, judge, use and export what a run has learned; without COMMAND, list them."""

import sys
from argparse import Namespace
from importlib import import_module
from types import ModuleType

import lenet.check_install  # noqa: F401  # first: it ends with one line where set-up is missing
from distributed import World, environment, run_job
from lenet.cli import Parser
from lenet.errors import InputError

COMMANDS = {
    "pack": "folders of PNG or JPEG pictures, one for each class, as the files that train.py --data-dir takes",
    "show": "a picture of images of the data set with their class names",
    "evaluate": "the accuracy over all test images and a table of the classes; also under a launcher",
    "predict": "the predicted classes of test images or of your own pictures",
    "report": "curves, confusion matrix and mistakes of runs, as pictures and one HTML page",
    "export": "an ONNX file and Gluon's own pair of files, checked against each other",
    "summary": "a network's layers with their shapes, parameters and FLOPs",
}
EXAMPLES = {
    "pack": "photos data --size 32x32",
    "show": "--count 10 --test",
    "evaluate": "runs/lenet",
    "predict": "runs/lenet --image shoe.png",
    "report": "runs/lenet",
    "export": "runs/lenet --output lenet5.onnx",
    "summary": "--network net.py:small --data-dir data",
}


def main(arguments: list[str]) -> int:
    """Run the command that the command line asks for. Returns the exit code."""
    if arguments[:1] == ["evaluate"]:
        return run_job(lambda world: evaluate(arguments, world))
    try:
        environment.settle()
        options = read_options(arguments)
        module_of(options.command).main(options)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except ModuleNotFoundError as error:
        needs = f"python -m lenet {arguments[0]} needs the package {error.name}"
        sys.stderr.write(f"error: {needs}, which is not installed: launch/setup.sh without --no-reports does\n")
        return InputError.exit_code
    return 0


def evaluate(arguments: list[str], world: World) -> int:
    """Run the one command that the processes of a job share. Returns the exit code."""
    with world.fail_together("the options"):
        options = read_options(arguments)
    return module_of("evaluate").main(options, world)


def read_options(arguments: list[str]) -> Namespace:
    """Return the command and its options; only that command is imported. InputError: they are wrong."""
    parser = Parser(prog="python -m lenet", description="See what a run has learned.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        example = f"example: python -m lenet {name} {EXAMPLES[name]}"
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=example)
        if arguments[:1] == [name]:
            module_of(name).add_options(command)
    return parser.parse_args(arguments or ["--help"])


def module_of(command: str) -> ModuleType:
    """Return the module of a command, without importing the others: Matplotlib and ONNX take seconds."""
    return import_module(f"lenet.commands.{command}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
