"""What an option of train.py is made of: its kind, its group in --help, its place on the command line."""

import argparse
import dataclasses
import difflib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NoReturn, Union

from pydantic import BeforeValidator

from lenet.errors import InputError, shorten


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, bytes):  # YAML's !!binary
        raise ValueError("text is needed")
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise ValueError("it must not be empty")
    return value


# The group of `--help` that an option stands in: every Field has one of them as its json_schema_extra.
DATA: dict[str, Any] = {"group": "data"}
OPTIMISATION: dict[str, Any] = {"group": "optimisation"}
OUTPUT: dict[str, Any] = {"group": "output"}
DISTRIBUTION: dict[str, Any] = {"group": "distribution"}
DEBUGGING: dict[str, Any] = {"group": "debugging"}
GROUPS = (DATA, OPTIMISATION, OUTPUT, DISTRIBUTION, DEBUGGING)

# horovodrun reads the whole line, and finds --network to be the start of two options of its own.
OTHER_WORDS = {"network": ("--model",)}

Count = Annotated[int, BeforeValidator(_no_bool)]
Number = Annotated[float, BeforeValidator(_no_bool)]
Text = Annotated[str, BeforeValidator(_text)]


class OptionParser(argparse.ArgumentParser):
    """The command line of train.py: a wrong one is an InputError."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see python train.py --help")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, unknown = self.parse_known_args(args, namespace)
        if not unknown:
            return known
        near = difflib.get_close_matches(unknown[0].split("=")[0], self._option_string_actions, n=1)
        self.error(f"unknown option {shorten(unknown[0])}" + (f", did you mean {near[0]}?" if near else ""))


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Options and what they are for beside each other, a switch in one word."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if isinstance(action, argparse.BooleanOptionalAction):
            return action.option_strings[0].replace("--", "--[no-]", 1)
        return super()._format_action_invocation(action)


def option_parser(options: Iterable[dataclasses.Field]) -> OptionParser:
    """A parser of `options`, the fields of the config; it gives only what stands on the command line, as text."""
    parser = OptionParser(
        prog="train.py",
        usage="python train.py [OPTIONS]",
        description="Train LeNet-5 on Fashion-MNIST, in one process or under horovodrun, mpirun or srun.",
        epilog="example: horovodrun -np 4 python train.py --epochs 20 --output-dir runs/long",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        formatter_class=_HelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="YAML file of options; the command line wins")
    groups = {group["group"]: parser.add_argument_group(group["group"]) for group in GROUPS}
    for field in options:
        default: Any = field.default  # pydantic's Field
        option = "--" + field.name.replace("_", "-")
        group = groups[default.json_schema_extra["group"]]
        if field.type is bool:
            text = default.description + (" (default: on)" if default.default else "")
            group.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        else:
            told = "" if default.default is None else f" (default: {default.default})"
            words = (option, *OTHER_WORDS.get(field.name, ()))
            group.add_argument(*words, metavar=_metavar(field), help=default.description + told)
    return parser


def _metavar(field: Any) -> str:
    """What stands for the value of a field in the help; the names of a choice are in its description."""
    kind = field.type
    if getattr(kind, "__origin__", None) is Literal:
        return "NAME"
    if getattr(kind, "__origin__", None) is Union:  # Optional[X]
        kind = kind.__args__[0]
    if kind is Text:
        return "DIR" if field.name.endswith("_dir") else "FILE" if field.name == "profile" else "TEXT"
    return "N" if kind is Count else "X"
