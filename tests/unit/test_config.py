"""Options come from one place, YAML first and the command line over it; a bad one is told in one line."""

import re
from dataclasses import asdict, fields
from typing import Literal, get_args, get_origin

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lenet import options
from lenet.config import Config, read_config, write_config
from lenet.errors import InputError
from lenet.options import json_type
from tests.support.run_jobs import ROOT

RECIPES = ROOT / "lenet" / "recipes"
NAMES = [
    *(
        "data_dir",
        "output_dir",
        "epochs",
        "global_batch",
        "batch_size",
        "shard",
        "learning_rate",
        "momentum",
        "weight_decay",
        "schedule",
    ),
    *(
        "warmup_epochs",
        "reference_batch",
        "seed",
        "device",
        "max_steps",
        "log_every",
        "checkpoint_every",
        "keep",
    ),
    *("resume", "debug", "exchange", "stall_timeout"),
]


def test_the_names_of_the_contract():
    assert {*NAMES} <= {field.name for field in fields(Config)}


def test_nothing_given_is_the_default():
    assert read_config([]) == Config()


def test_the_tutorials_recipe():
    config = read_config(["--config", str(RECIPES / "tutorial.yaml")])
    assert (config.epochs, config.global_batch, config.learning_rate, config.momentum) == (10, 256, 0.1, 0)
    assert (config.schedule, config.warmup_epochs, config.weight_decay) == ("constant", 0, 0)
    assert config.reference_batch == config.global_batch


def test_the_command_line_wins_over_yaml_and_yaml_over_the_default(config_file):
    path = config_file("epochs: 4\nseed: 5\ndebug: true\n")
    config = read_config(["--config", str(path), "--epochs", "7", "--no-debug"])
    assert (config.epochs, config.seed, config.debug) == (7, 5, False)
    assert config.batch_size == Config().batch_size
    assert read_config(["--epochs", "7", "--config", str(path)]).epochs == 7


def another(field):
    """A sound value of the option other than its default."""
    default, kinds = field.default.default, [json_type(field.type), *get_args(json_type(field.type))]
    if field.type is bool:
        return not default
    if get_origin(field.type) is Literal:
        return next(choice for choice in get_args(field.type) if choice != default)
    return "another" if str in kinds else (default or 0) + 1 if int in kinds else (default or 1) / 2


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_every_option_has_a_yaml_key_and_a_flag_with_dashes(config_file, field):
    flag, value = "--" + field.name.replace("_", "-"), another(field)
    words = [flag, str(value)]
    if field.type is bool:
        words = [flag if value else flag.replace("--", "--no-", 1)]
    from_flag = read_config(words)
    assert from_flag == read_config(["--config", str(config_file(yaml.safe_dump({field.name: value})))])
    assert getattr(from_flag, field.name) == value != getattr(Config(), field.name)


@pytest.mark.parametrize(
    ("words", "processes", "expected"),
    [
        ("", 3, 256),
        ("--global-batch 100", 3, 100),
        ("--batch-size 32", 3, 96),
        ("--batch-size 32 --global-batch 96", 3, 96),
        ("--batch-size 32", None, 256),  # before the number is known
        ("--batch-size 32 --global-batch 100", None, 100),
    ],
)
def test_the_images_of_a_step(words, processes, expected):
    assert read_config(words.split(), processes).global_batch == expected


def test_two_batch_sizes_that_do_not_agree_are_refused():
    with pytest.raises(InputError, match="--global-batch 256 is not --batch-size 32 x 2 processes = 64"):
        read_config(["--batch-size", "32", "--global-batch", "256"], 2)
    with pytest.raises(InputError, match="--batch-size 1000000 x 17 processes: at most 16,777,216"):
        read_config(["--batch-size", "1000000"], 17)
    with pytest.raises(InputError, match="--batch-size: the number of processes can change"):
        read_config(["--batch-size", "32"], 2, can_change=True)


def test_a_yaml_file_that_is_empty_changes_nothing(config_file):
    assert read_config(["--config", str(config_file("# nothing\n"))]) == Config()


@given(
    epochs=st.integers(1, 10**5),
    rate=st.floats(1e-12, 1000),
    schedule=st.sampled_from(["constant", "linear", "cosine"]),
    folder=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    steps=st.none() | st.integers(1, 10**9),
    debug=st.booleans(),
)
def test_what_is_written_is_read_back(tmp_path_factory, epochs, rate, schedule, folder, steps, debug):
    config = Config(
        epochs=epochs, learning_rate=rate, schedule=schedule, output_dir=folder, max_steps=steps, debug=debug
    )
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    with open(path, "w", encoding="utf-8") as file:
        write_config(config, file)
    assert read_config(["--config", str(path)]) == config


def test_a_config_does_not_change():
    with pytest.raises(AttributeError):
        Config().epochs = 3


@pytest.fixture
def help_text(capsys, monkeypatch):
    """What `train.py --help` prints on a screen of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        read_config(["--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_option_and_its_default(help_text):
    said = " ".join(help_text.split())
    for name, default in asdict(Config()).items():
        dashed = name.replace("_", "-")
        assert f"--{dashed} " in said or f"--[no-]{dashed} " in said
        if default is not None and not isinstance(default, bool):
            assert f"(default: {default})" in said


def test_help_is_in_groups_and_fits_a_screen(help_text):
    lines = help_text.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 84
    groups = [line[:-1] for line in lines if re.fullmatch(r"[a-z]+:", line)]
    assert groups == ["options", "data", "optimisation", "output", "distribution", "debugging"]
    assert "example: " in lines[-1]


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_every_option_says_what_it_means_on_resuming_and_names_its_choices(field):
    roles = {options.NEW_RUN, options.BY_NAME, options.RECORDED, options.FREE, options.NOT_KEPT}
    assert field.default.json_schema_extra["on_resume"] in roles
    if get_origin(field.type) is Literal:
        assert all(choice in field.default.description for choice in get_args(field.type))
