"""python -m lenet COMMAND: what a run has learned, to look at and to take away."""

import runpy
import sys
from pathlib import Path

from lenet.errors import InputError
from lenet.options import Parser

COMMANDS = {
    "show": "a picture of images of the data set with their class names",
    "evaluate": "the accuracy over all test images and a table of the classes; also under horovodrun",
    "predict": "the predicted classes of test images or of your own pictures",
    "report": "curves, confusion matrix and mistakes of runs, as pictures and one HTML page",
    "export": "an ONNX file and Gluon's own pair of files, checked against each other",
}
EVALUATE = Path(__file__).resolve().parent.parent / "evaluate.py"


def main(arguments):
    """Run the command that the command line asks for; the exit code."""
    if arguments[:1] == ["evaluate"]:  # an entry of its own: it brings the processes together, which nothing here can
        sys.argv = [str(EVALUATE), *arguments[1:]]
        runpy.run_path(str(EVALUATE), run_name="__main__")
    try:
        options = read_options(arguments)
        module_of(options.command).run(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def read_options(arguments):
    """The command and its options; only the command that was asked for is imported."""
    parser = Parser(prog="python -m lenet", description="See what a run has learned.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if arguments[:1] == [name]:
            module_of(name).add_options(command)
    return parser.parse_args(arguments)


def module_of(command):
    """The module of a command, and no other: what they import takes its time."""
    if command == "show":
        from lenet import show as module
    elif command == "predict":
        from lenet import predict as module
    elif command == "report":
        from lenet import report as module
    else:
        from lenet import export as module
    return module


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
