"""Every option of a run: one frozen dataclass that YAML, the command line, `--help` and validation are made from."""

import argparse
import difflib
from dataclasses import asdict, fields, replace
from typing import Annotated, Any, Literal, NoReturn, TextIO, Union

import yaml
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from lenet.errors import InputError, shorten
from lenet.text_files import read_yaml

MOST_IMAGES = 1 << 24  # of a step: up to here float32 counts exactly
GLOBAL_BATCH = 256
# horovodrun reads the whole line, and finds --network to be the start of two options of its own.
OTHER_WORDS = {"network": ("--model",)}


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise ValueError("it must not be empty")
    return value


Count = Annotated[int, BeforeValidator(_no_bool)]
Number = Annotated[float, BeforeValidator(_no_bool)]
Text = Annotated[str, BeforeValidator(_text)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Config:
    """The options of train.py. YAML uses these names; the command line the same with dashes."""

    data_dir: Text | None = Field(
        None,
        description="folder with the four IDX files (default: Fashion-MNIST as installed, else downloaded)",
    )
    network: Text = Field(
        "lenet5",
        description="lenet5, or FILE.py:FUNCTION of your own: classes to a HybridBlock; horovodrun takes this word for "
        "an option of its own, --model is the same",
    )
    output_dir: Text = Field("runs/lenet", description="folder for the trained network, checkpoints and metrics")
    epochs: Count = Field(10, ge=1, le=100_000, description="how often every training image is seen")
    global_batch: Count | None = Field(
        None, ge=1, le=MOST_IMAGES, description="images per step of all processes together (default: 256)"
    )
    batch_size: Count | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="images per step of each process, Horovod's convention, in place of GLOBAL_BATCH; it ties a run to "
        "the number of processes",
    )
    shard: Count = Field(
        64,
        ge=1,
        le=1_000_000,
        description="images that are computed at a time, part of the result: a step has work for as many processes as "
        "it has shards",
    )
    learning_rate: Number = Field(
        0.2,
        gt=0,
        le=1000,
        description="peak learning rate for steps of REFERENCE_BATCH images in all; scaled with the global batch",
    )
    momentum: Number = Field(0.9, ge=0, lt=1, description="Nesterov momentum of SGD")
    weight_decay: Number = Field(1e-3, ge=0, le=1, description="L2 penalty of SGD")
    clip_norm: Number | None = Field(
        None, gt=0, le=1e6, description="scale the gradients of a step down to this length where they are longer"
    )
    label_smoothing: Number = Field(
        0.0, ge=0, lt=1, description="part of each label that is spread evenly over all classes, in training alone"
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "linear",
        description="how the learning rate goes from its peak: stays, or falls to 0 at the last epoch's end",
    )
    warmup_epochs: Number = Field(
        2.0,
        ge=0,
        le=100_000,
        description="epochs over which the learning rate rises to its peak; at most half of EPOCHS",
    )
    reference_batch: Count = Field(
        256, ge=1, le=1_000_000, description="images per step that LEARNING_RATE is meant for"
    )
    seed: Count = Field(1, ge=0, lt=2**31, description="decides the first weights and the order of the images")
    flip: bool = Field(False, description="mirror half of the training images left to right, others in each epoch")
    shift: Count = Field(
        0, ge=0, le=1000, description="move training images by up to so many pixels, elsewhere in each epoch"
    )
    device: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto takes a GPU where there is one")
    max_steps: Count | None = Field(None, ge=1, description="end the run after so many steps of all processes together")
    log_every: Count = Field(50, ge=1, description="write the loss of every N-th step to metrics.jsonl")
    checkpoint_every: Count | None = Field(
        None, ge=1, description="write a checkpoint every N steps too, not only at the end of an epoch"
    )
    keep: Count = Field(3, ge=1, le=1_000_000, description="how many checkpoints stay")
    best: bool = Field(
        False, description="keep the network of the best validation accuracy too, as OUTPUT_DIR/best_NAME.params"
    )
    summary: bool = Field(False, description="print the network, layer by layer, and end")
    resume: Text = Field("auto", description="auto (go on with the run in OUTPUT_DIR), never, or a checkpoint's folder")
    deterministic_check: bool = Field(
        False, description="train 30 steps twice, compare every bit and write nothing, to see whether a run repeats"
    )
    tensorboard: bool = Field(True, description="write OUTPUT_DIR/tensorboard too, for TensorBoard")
    debug: bool = Field(False, description="for breakpoints: no hybridize, a synchronous engine; one process only")
    exchange: Literal["exact", "float32", "float16"] = Field(
        "exact",
        description="how gradients are added up and sent: exact gives the same bits for any number of processes, "
        "float32 and float16 (half floats) do not",
    )
    stall_timeout: Number = Field(
        60.0, gt=0, le=86_400, description="seconds without progress after which a job is ended as stalled"
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
        if total > MOST_IMAGES:
            raise InputError(f"--batch-size {self.batch_size} x {processes} processes: at most {MOST_IMAGES:,} a step")
        return replace(self, global_batch=total)


def read_config(arguments: list[str]) -> Config:
    """The config that the command line `arguments` asks for. InputError names the option or key that is wrong."""
    given = vars(_parser().parse_args(arguments))
    path = given.pop("config", None)
    values = {} if path is None else _read_yaml(path)
    try:
        return TypeAdapter(Config).validate_python({**values, **given})
    except ValidationError as error:
        raise InputError(_first_problem(error, given, path)) from None


def write_config(config: Config, file: TextIO) -> None:
    """Write the resolved config as YAML that `--config` reads back."""
    yaml.safe_dump(asdict(config), file, sort_keys=False)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see python train.py --help")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, unknown = self.parse_known_args(args, namespace)
        if not unknown:
            return known
        near = difflib.get_close_matches(unknown[0].split("=")[0], self._option_string_actions, n=1)
        self.error(f"unknown option {shorten(unknown[0])}" + (f", did you mean {near[0]}?" if near else ""))


def _parser() -> _Parser:
    parser = _Parser(
        prog="train.py",
        description="Train LeNet-5 on Fashion-MNIST, in one process or under horovodrun, mpirun or srun.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file with any of the options below; the command line wins"
    )
    for field in fields(Config):
        default: Any = field.default  # pydantic's Field
        text = default.description
        if default.default is not None and field.type is not bool:
            text += f" (default: {default.default})"
        option = "--" + field.name.replace("_", "-")
        if field.type is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        else:
            parser.add_argument(option, *OTHER_WORDS.get(field.name, ()), metavar=_metavar(field.type), help=text)
    return parser


def _metavar(kind: Any) -> str:
    if getattr(kind, "__origin__", None) is Literal:
        return "{" + ",".join(kind.__args__) + "}"
    if getattr(kind, "__origin__", None) is Union:  # Optional[X]
        kind = kind.__args__[0]
    return {Count: "N", Number: "X"}.get(kind, "TEXT")


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
