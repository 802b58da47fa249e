"""Every option of a run: YAML, the command line, `--help`, validation and resuming follow from the lines of Config."""

from dataclasses import asdict, fields, replace
from typing import Any, Literal, TextIO

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from lenet.errors import InputError, shorten
from lenet.options import (
    BY_NAME,
    FREE,
    NEW_RUN,
    NOT_KEPT,
    Count,
    Number,
    Text,
    data,
    debugging,
    did_you_mean,
    distribution,
    json_type,
    optimisation,
    option_parser,
    output,
)
from lenet.untrusted import read_yaml

MAX_IMAGES = 1 << 24  # of a step: up to here float32 counts exactly


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Config:
    """The options of train.py: the same names in YAML, and with dashes on the command line.

    A line holds a name, a type, a default, a description, limits, and what another value means on resuming: RECORDED
    where nothing is said (options.py). The group of `--help` is the function that makes the field.
    """

    data_dir: Text | None = data(None, "folder with four IDX files (default: Fashion-MNIST)", on_resume=NOT_KEPT)
    network: Text = data("lenet5", "lenet5, or FILE.py:FUNCTION of your own", on_resume=NEW_RUN)

    epochs: Count = optimisation(10, "how often every image is seen", ge=1, le=100_000)
    max_steps: Count | None = optimisation(None, "end after N steps", ge=1, on_resume=NOT_KEPT)
    global_batch: Count = optimisation(256, "images a step of all processes", ge=1, le=MAX_IMAGES, on_resume=BY_NAME)
    learning_rate: Number = optimisation(0.1, "peak, for --reference-batch images", gt=0, le=1000)
    reference_batch: Count = optimisation(256, "images a step for that peak", ge=1, le=10**6)
    schedule: Literal["constant", "linear", "cosine"] = optimisation("cosine", "constant, linear or cosine decay")
    warmup_epochs: Number = optimisation(2.0, "epochs of rise to the peak", ge=0, le=100_000)
    optimizer: Literal["sgd", "adam", "adamw"] = optimisation("sgd", "sgd, adam or adamw", on_resume=NEW_RUN)
    momentum: Number = optimisation(0.95, "Nesterov momentum of SGD", ge=0, lt=1)
    weight_decay: Number = optimisation(1e-3, "L2 penalty, decoupled in adamw", ge=0, le=1)
    clip_norm: Number | None = optimisation(None, "longest gradient of a step", gt=0, le=1e6)
    label_smoothing: Number = optimisation(0.0, "part of a label spread over all classes", ge=0, lt=1)
    seed: Count = optimisation(1, "first weights and order of images", ge=0, lt=2**31, on_resume=NEW_RUN)
    flip: bool = optimisation(False, "mirror half of the training images")
    shift: Count = optimisation(0, "move training images by up to N pixels", ge=0, le=1000)

    output_dir: Text = output("runs/lenet", "all that a run leaves", on_resume=NOT_KEPT)
    resume: Text = output("auto", "auto, never or a checkpoint's folder", on_resume=NOT_KEPT)
    checkpoint_every: Count | None = output(None, "write a checkpoint each N steps too", ge=1, on_resume=FREE)
    keep: Count = output(3, "how many checkpoints stay", ge=1, le=10**6, on_resume=FREE)
    best: bool = output(False, "keep the best network too, as best_NAME.params", on_resume=NOT_KEPT)
    log_every: Count = output(50, "record the loss of each N-th step", ge=1, on_resume=FREE)
    tensorboard: bool = output(True, "write tensorboard/ too", on_resume=FREE)

    device: Literal["auto", "cpu", "gpu"] = distribution("auto", "auto, cpu or gpu", on_resume=NOT_KEPT)
    batch_size: Count | None = distribution(None, "images a step of each process", ge=1, le=10**6, on_resume=NOT_KEPT)
    threads: Count | None = distribution(
        None, "threads of a process (default: its cores)", ge=1, le=1024, on_resume=NOT_KEPT
    )
    shard: Count = distribution(32, "images computed at a time, part of the result", ge=1, le=10**6, on_resume=NEW_RUN)
    exchange: Literal["exact", "float32", "float16"] = distribution("exact", "exact (same bits), float32 or float16")
    stall_timeout: Number = distribution(60.0, "end a job that stalls for X seconds", gt=0, le=86_400, on_resume=FREE)

    print_config: bool = debugging(False, "print all options as YAML for --config, and end", on_resume=NOT_KEPT)
    deterministic_check: bool = debugging(False, "train 30 steps twice and compare all bits", on_resume=NOT_KEPT)
    debug: bool = debugging(False, "for breakpoints: layer by layer, one process only", on_resume=NOT_KEPT)
    profile: Text | None = debugging(None, "Chrome trace of 20 steps after 20, by rank 0", on_resume=NOT_KEPT)


def options_with(*roles: str) -> dict[str, Any]:
    """Return the names of the options whose `on_resume` is one of `roles`, with their types in JSON."""
    options: Any = fields(Config)  # whose defaults are pydantic's
    return {each.name: json_type(each.type) for each in options if each.default.json_schema_extra["on_resume"] in roles}


def read_config(arguments: list[str], processes: int | None = 1, can_change: bool = False) -> Config:
    """Return the config of the command line `arguments`, its `global_batch` that of a job of `processes`.

    `processes` is None where the number is not known yet; `can_change` says that it can change while the job runs.
    InputError names the option or the key that is wrong.
    """
    given = vars(option_parser(fields(Config)).parse_args(arguments))
    path = given.pop("config", None)
    values = {**({} if path is None else _read_yaml(path)), **given}
    try:
        config = TypeAdapter(Config).validate_python(values)
    except ValidationError as error:
        raise InputError(_first_problem(error, given, path)) from None
    if config.batch_size is None or processes is None:
        return config
    if can_change:
        raise InputError("--batch-size: the number of processes can change here: use --global-batch")
    asked = config.global_batch if "global_batch" in values else None
    return replace(config, global_batch=_global_batch(config.batch_size, processes, asked))


def write_config(config: Config, file: TextIO) -> None:
    """Write the resolved config as YAML that `--config` reads."""
    yaml.safe_dump({**asdict(config), "print_config": False}, file, sort_keys=False)


def _global_batch(batch_size: int, processes: int, asked: int | None) -> int:
    """Return the images a step of all processes. InputError: it is not what `--global-batch` asked for, or too many."""
    total = batch_size * processes
    product = f"--batch-size {batch_size} x {processes} processes"
    if asked not in (None, total):
        raise InputError(f"--global-batch {asked} is not {product} = {total}: give one of them")
    if total > MAX_IMAGES:
        raise InputError(f"{product}: at most {MAX_IMAGES:,} a step")
    return total


def _read_yaml(path: str) -> dict[str, Any]:
    values = read_yaml(path, f"--config {path}")
    known = [field.name for field in fields(Config)]
    for name in values:
        if name not in known:
            raise InputError(f"--config {path}: unknown key {shorten(name)}{did_you_mean(shorten(name), known)}")
    return values


def _first_problem(error: ValidationError, given: dict[str, Any], path: str | None) -> str:
    problem = error.errors()[0]
    message = problem["msg"].replace("Value error, ", "")
    message = message[0].lower() + message[1:]
    name = str(problem["loc"][0])
    where = "--" + name.replace("_", "-") if name in given else f"--config {path}: {name}:"
    return f"{where} {shorten(problem['input'])}: {message}"
