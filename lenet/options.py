"""What an option of train.py is made of: its type, its line in config.py, its place on the command line."""

import argparse
import dataclasses
import difflib
import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin

from pydantic import BeforeValidator, Field

from lenet.errors import InputError, shorten

# What another value of an option means when a run is resumed.
NEW_RUN = "new run"  # Refused: the option is part of what the run is.
BY_NAME = "by name"  # As NEW_RUN, except for a checkpoint that --resume names.
RECORDED = "recorded"  # Printed and recorded; refused once the run has no step left, for its result is known.
FREE = "free"  # As RECORDED, but never refused: the option changes no bit of a result.
NOT_KEPT = "not kept"  # Not noticed: no checkpoint keeps the option.

# horovodrun reads the whole line, in which --network abbreviates two of its options.
OTHER_WORDS = {"network": ("--model",)}


def _option(group: str, default: Any, description: str, *, on_resume: str = RECORDED, **limits: Any) -> Any:
    """Return the field of an option in this group of `--help`; `limits` are those of pydantic's Field."""
    meaning: dict[str, Any] = {"group": group, "on_resume": on_resume}
    return Field(default, description=description, json_schema_extra=meaning, **limits)


data = partial(_option, "data")
optimisation = partial(_option, "optimisation")
output = partial(_option, "output")
distribution = partial(_option, "distribution")
debugging = partial(_option, "debugging")


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


Count = Annotated[int, BeforeValidator(_no_bool)]
Number = Annotated[float, BeforeValidator(_no_bool)]
Text = Annotated[str, BeforeValidator(_text)]


def json_type(kind: Any) -> Any:
    """Return the type that a value of an option of the type `kind` has in JSON: a class, or a union of classes."""
    if get_origin(kind) is Literal:
        return str
    if get_origin(kind) is Union:
        return Union[tuple(json_type(each) for each in get_args(kind))]  # noqa: UP007 (of a tuple)
    return getattr(kind, "__origin__", kind)  # of Annotated


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return the end of a message about an unknown `word`: the known one with these initials, else a similar one."""
    by_initials = [each for each in known if "".join(re.findall("(?<![a-z])[a-z]", each)) == word.strip("-")]
    near = by_initials or difflib.get_close_matches(word, known, n=1)
    return f", did you mean {near[0]}?" if near else ""


class OptionParser(argparse.ArgumentParser):
    """The parser of train.py's command line, whose errors are InputErrors."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see python train.py --help")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            near = did_you_mean(unknown[0].split("=")[0], [*self._option_string_actions])
            self.error(f"unknown option {shorten(unknown[0])}{near}")
        return known


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Print an option and its description on one line, and a switch with its `--no-` as one word."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if isinstance(action, argparse.BooleanOptionalAction):
            return action.option_strings[0].replace("--", "--[no-]", 1)
        return super()._format_action_invocation(action)


def option_parser(options: Iterable[dataclasses.Field]) -> OptionParser:
    """Return a parser of `options`, the fields of the config. It gives the texts of those on the command line alone."""
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
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in options:
        default: Any = field.default  # pydantic's Field
        option, name = "--" + field.name.replace("_", "-"), default.json_schema_extra["group"]
        if name not in groups:
            groups[name] = parser.add_argument_group(name)
        if field.type is bool:
            text = default.description + (" (default: on)" if default.default else "")
            groups[name].add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        else:
            text = default.description + ("" if default.default is None else f" (default: {default.default})")
            words = (option, *OTHER_WORDS.get(field.name, ()))
            groups[name].add_argument(*words, metavar=_metavar(field), help=text)
    return parser


def _metavar(field: Any) -> str:
    """Return the placeholder of a value in the help; the names of a choice are in its description."""
    if get_origin(field.type) is Literal:
        return "NAME"
    kinds = {json_type(field.type), *get_args(json_type(field.type))}
    if str in kinds:
        return "DIR" if field.name.endswith("_dir") else "FILE" if field.name == "profile" else "TEXT"
    return "N" if int in kinds else "X"
