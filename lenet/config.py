"""Every option of a run: one frozen dataclass that YAML, the command line, `--help` and validation are made from."""

import difflib
from dataclasses import asdict, fields, replace
from typing import Any, Literal, TextIO

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from lenet.errors import InputError, shorten
from lenet.options import (
    DATA,
    DEBUGGING,
    DISTRIBUTION,
    OPTIMISATION,
    OUTPUT,
    Count,
    Number,
    Text,
    option_parser,
)
from lenet.untrusted import read_yaml

MAX_IMAGES = 1 << 24  # of a step: up to here float32 counts exactly
GLOBAL_BATCH = 256


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Config:
    """The options of train.py. YAML uses these names; the command line the same with dashes."""

    data_dir: Text | None = Field(
        None, description="folder with four IDX files (default: Fashion-MNIST)", json_schema_extra=DATA
    )
    output_dir: Text = Field("runs/lenet", description="all that a run leaves", json_schema_extra=OUTPUT)
    epochs: Count = Field(
        10, ge=1, le=100_000, description="how often every image is seen", json_schema_extra=OPTIMISATION
    )
    network: Text = Field("lenet5", description="lenet5, or FILE.py:FUNCTION of your own", json_schema_extra=DATA)
    global_batch: Count | None = Field(
        None,
        ge=1,
        le=MAX_IMAGES,
        description="images a step of all processes (default: 256)",
        json_schema_extra=OPTIMISATION,
    )
    batch_size: Count | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="images a step of each process, not of all",
        json_schema_extra=DISTRIBUTION,
    )
    shard: Count = Field(
        64,
        ge=1,
        le=1_000_000,
        description="images computed at a time, part of the result; a step has work for as many processes as shards",
        json_schema_extra=DISTRIBUTION,
    )
    learning_rate: Number = Field(
        0.1,
        gt=0,
        le=1000,
        description="peak, for --reference-batch images",
        json_schema_extra=OPTIMISATION,
    )
    optimizer: Literal["sgd", "adam", "adamw"] = Field(
        "sgd", description="sgd, adam or adamw", json_schema_extra=OPTIMISATION
    )
    momentum: Number = Field(0.95, ge=0, lt=1, description="Nesterov momentum of SGD", json_schema_extra=OPTIMISATION)
    weight_decay: Number = Field(
        1e-3, ge=0, le=1, description="L2 penalty, decoupled in adamw", json_schema_extra=OPTIMISATION
    )
    clip_norm: Number | None = Field(
        None, gt=0, le=1e6, description="longest gradient of a step", json_schema_extra=OPTIMISATION
    )
    label_smoothing: Number = Field(
        0.0, ge=0, lt=1, description="part of a label spread over all classes", json_schema_extra=OPTIMISATION
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "cosine",
        description="constant, linear or cosine decay",
        json_schema_extra=OPTIMISATION,
    )
    warmup_epochs: Number = Field(
        2.0,
        ge=0,
        le=100_000,
        description="epochs of rise to the peak",
        json_schema_extra=OPTIMISATION,
    )
    reference_batch: Count = Field(
        256,
        ge=1,
        le=1_000_000,
        description="images a step for that peak",
        json_schema_extra=OPTIMISATION,
    )
    seed: Count = Field(
        1, ge=0, lt=2**31, description="first weights and order of images", json_schema_extra=OPTIMISATION
    )
    flip: bool = Field(False, description="mirror half of the training images", json_schema_extra=OPTIMISATION)
    shift: Count = Field(
        0, ge=0, le=1000, description="move training images by up to N pixels", json_schema_extra=OPTIMISATION
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="auto, cpu or gpu", json_schema_extra=DISTRIBUTION
    )
    max_steps: Count | None = Field(
        None, ge=1, description="end after N steps of all processes together", json_schema_extra=OPTIMISATION
    )
    log_every: Count = Field(50, ge=1, description="record the loss of each N-th step", json_schema_extra=OUTPUT)
    checkpoint_every: Count | None = Field(
        None, ge=1, description="write a checkpoint each N steps too", json_schema_extra=OUTPUT
    )
    keep: Count = Field(3, ge=1, le=1_000_000, description="how many checkpoints stay", json_schema_extra=OUTPUT)
    resume: Text = Field(
        "auto",
        description="auto, never or a checkpoint's folder",
        json_schema_extra=OUTPUT,
    )
    best: bool = Field(False, description="keep the best network too, as best_NAME.params", json_schema_extra=OUTPUT)
    summary: bool = Field(False, description="print the network, layer by layer, and end", json_schema_extra=DEBUGGING)
    deterministic_check: bool = Field(
        False, description="train 30 steps twice and compare all bits", json_schema_extra=DEBUGGING
    )
    tensorboard: bool = Field(True, description="write tensorboard/ too", json_schema_extra=OUTPUT)
    debug: bool = Field(
        False,
        description="for breakpoints: layer by layer, one process only",
        json_schema_extra=DEBUGGING,
    )
    profile: Text | None = Field(
        None, description="Chrome trace of 20 steps after 20, by rank 0", json_schema_extra=DEBUGGING
    )
    exchange: Literal["exact", "float32", "float16"] = Field(
        "exact",
        description="exact (the same bits for any number of processes), float32 or float16",
        json_schema_extra=DISTRIBUTION,
    )
    stall_timeout: Number = Field(
        60.0,
        gt=0,
        le=86_400,
        description="end a job that stands for X seconds",
        json_schema_extra=DISTRIBUTION,
    )

    @property
    def images_in_step(self) -> int:
        """Images of a full step of all processes, once `for_processes` has settled it."""
        return self.global_batch or GLOBAL_BATCH

    def for_processes(self, processes: int, can_change: bool = False) -> "Config":
        """This config with the `global_batch` that so many processes have; `can_change` while the run goes on.

        InputError: `batch_size` contradicts that.
        """
        if self.batch_size is None:
            return replace(self, global_batch=self.images_in_step)
        if can_change:
            raise InputError("--batch-size: the number of processes can change here: use --global-batch")
        total = self.batch_size * processes
        if self.global_batch not in (None, total):
            raise InputError(
                f"--global-batch {self.global_batch} is not --batch-size {self.batch_size} x {processes} processes = "
                f"{total}: give one of them"
            )
        if total > MAX_IMAGES:
            raise InputError(f"--batch-size {self.batch_size} x {processes} processes: at most {MAX_IMAGES:,} a step")
        return replace(self, global_batch=total)


def read_config(arguments: list[str]) -> Config:
    """The config that the command line `arguments` asks for. InputError names the option or key that is wrong."""
    given = vars(option_parser(fields(Config)).parse_args(arguments))
    path = given.pop("config", None)
    values = {} if path is None else _read_yaml(path)
    try:
        return TypeAdapter(Config).validate_python({**values, **given})
    except ValidationError as error:
        raise InputError(_first_problem(error, given, path)) from None


def write_config(config: Config, file: TextIO) -> None:
    """Write the resolved config as YAML that `--config` reads back."""
    yaml.safe_dump(asdict(config), file, sort_keys=False)


def _read_yaml(path: str) -> dict[str, Any]:
    values = read_yaml(path, f"--config {path}")
    known = [field.name for field in fields(Config)]
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(shorten(name), known, n=1)
            raise InputError(
                f"--config {path}: unknown key {shorten(name)}" + (f", did you mean {near[0]}?" if near else "")
            )
    return values


def _first_problem(error: ValidationError, given: dict[str, Any], path: str | None) -> str:
    problem = error.errors()[0]
    message = problem["msg"].replace("Value error, ", "")
    message = message[0].lower() + message[1:]
    name = str(problem["loc"][0])
    where = "--" + name.replace("_", "-") if name in given else f"--config {path}: {name}:"
    return f"{where} {shorten(problem['input'])}: {message}"
