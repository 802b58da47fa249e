"""Options come from one place, YAML first and the command line over it; a bad one is told in one line."""

from dataclasses import asdict, fields

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lenet.config import Config, read_config, write_config
from lenet.errors import InputError
from tests.support import run_jobs

RECIPES = run_jobs.ROOT / "lenet" / "recipes"
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


def refused(*arguments):
    """The one line that the InputError for these arguments says."""
    with pytest.raises(InputError) as caught:
        read_config([str(argument) for argument in arguments])
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


@pytest.fixture
def config_file(tmp_path):
    """Writes a text as a YAML file and returns its path."""

    def write(text):
        (tmp_path / "given.yaml").write_text(text)
        return tmp_path / "given.yaml"

    return write


def test_the_names_of_the_contract():
    assert {*NAMES} <= {field.name for field in fields(Config)}


def test_nothing_given_is_the_default():
    assert read_config([]) == Config()


def test_the_defaults_are_the_default_recipe():
    assert read_config(["--config", str(RECIPES / "default.yaml")]) == Config().for_processes(1)
    recipe = yaml.safe_load((RECIPES / "default.yaml").read_text())
    assert {"epochs", "global_batch", "learning_rate", "momentum", "weight_decay", "schedule"} <= set(recipe)


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


def test_every_option_has_a_yaml_key_and_a_flag_with_dashes(config_file):
    other = {"data_dir": "d", "output_dir": "o", "resume": "never", "schedule": "cosine", "device": "cpu"}
    other |= {"max_steps": 3, "checkpoint_every": 2, "momentum": 0.5, "warmup_epochs": 0.5, "weight_decay": 0.5}
    other |= {"global_batch": 8, "batch_size": 4, "exchange": "float32"}
    for name, default in asdict(Config()).items():
        flag = "--" + name.replace("_", "-")
        if isinstance(default, bool):
            value, words = not default, [flag if not default else flag.replace("--", "--no-", 1)]
        else:
            value = other[name] if name in other else default + 1
            words = [flag, str(value)]
        from_flag = read_config(words)
        from_yaml = read_config(["--config", str(config_file(yaml.safe_dump({name: value})))])
        assert from_flag == from_yaml
        assert getattr(from_flag, name) == value != default


@pytest.mark.parametrize(
    ("options", "processes", "expected"),
    [
        ({}, 3, 256),
        ({"global_batch": 100}, 3, 100),
        ({"batch_size": 32}, 3, 96),
        ({"batch_size": 32, "global_batch": 96}, 3, 96),
    ],
)
def test_the_images_of_a_step(options, processes, expected):
    config = Config(**options).for_processes(processes)
    assert config.global_batch == config.images_in_step == expected
    assert config.for_processes(processes) == config  # as config.yaml of a run is read again


def test_two_batch_sizes_that_do_not_agree_are_refused():
    with pytest.raises(InputError, match="--global-batch 96 is not --batch-size 32 x 2 processes = 64"):
        Config(batch_size=32, global_batch=96).for_processes(2)
    with pytest.raises(InputError, match="--batch-size: the number of processes can change"):
        Config(batch_size=32).for_processes(2, can_change=True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--epochs", "0"], ["--epochs", "0"]),
        (["--epochs", "three"], ["--epochs", "three"]),
        (["--epochs", "1.5"], ["--epochs", "1.5"]),
        (["--epochs", ""], ["--epochs"]),
        (["--epochs"], ["--epochs"]),
        (["--global-batch", "0"], ["--global-batch", "0"]),
        (["--shard", "0"], ["--shard", "0"]),
        (["--exchange", "fp16"], ["--exchange", "fp16", "exact"]),
        (["--batch-size", "-1"], ["--batch-size", "-1"]),
        (["--learning-rate", "0"], ["--learning-rate", "0"]),
        (["--learning-rate", "nan"], ["--learning-rate", "nan"]),
        (["--learning-rate", "inf"], ["--learning-rate", "inf"]),
        (["--momentum", "1"], ["--momentum", "1"]),
        (["--weight-decay", "-0.1"], ["--weight-decay", "-0.1"]),
        (["--schedule", "step"], ["--schedule", "step", "linear"]),
        (["--device", "tpu"], ["--device", "tpu", "gpu"]),
        (["--seed", "-1"], ["--seed", "-1"]),
        (["--seed", str(2**31)], ["--seed", str(2**31)]),
        (["--keep", "0"], ["--keep", "0"]),
        (["--max-steps", "0"], ["--max-steps", "0"]),
        (["--log-every", "0"], ["--log-every", "0"]),
        (["--checkpoint-every", "0"], ["--checkpoint-every", "0"]),
        (["--stall-timeout", "0"], ["--stall-timeout", "0"]),
        (["--output-dir", ""], ["--output-dir"]),
        (["--data-dir", ""], ["--data-dir"]),
        (["--epoch", "3"], ["--epoch", "--epochs"]),
        (["--batch_size", "3"], ["--batch_size", "--batch-size"]),
        (["--debug=maybe"], ["--debug"]),
        (["more"], ["more"]),
        (["--config", "no/such.yaml"], ["no/such.yaml", "No such file"]),
        (["--config", "tests"], ["tests", "directory"]),
    ],
)
def test_a_bad_command_line_is_told_in_one_line(arguments, told):
    message = refused(*arguments)
    assert all(word in message for word in told), message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epochs: none", ["epochs", "none"]),
        ("epochs: 0", ["epochs", "0"]),
        ("epochs: true", ["epochs", "true or false"]),
        ("epochs: [1, 2]", ["epochs"]),
        ("epochs: {a: 1}", ["epochs"]),
        ("epochs:", ["epochs"]),
        ("learning_rate: .inf", ["learning_rate"]),
        ("learning_rate: .nan", ["learning_rate"]),
        ("output_dir: 5", ["output_dir", "5"]),
        ("debug: 7", ["debug", "7"]),
        ("epoch: 3", ["epoch", "did you mean epochs?"]),
        ("batch-size: 3", ["batch-size", "did you mean batch_size?"]),
        ("3: 3", ["3"]),
        ("config: other.yaml", ["config"]),
        ("[epochs, 3]", ["list"]),
        ("epochs", ["str"]),
        ("epochs: 3: 4", ["not YAML"]),
        ("a: &a [*a]", []),
        ("!!python/object/apply:os.system ['true']", ["not YAML"]),
    ],
)
def test_a_bad_yaml_file_is_told_in_one_line_with_its_name(config_file, text, told):
    message = refused("--config", config_file(text))
    assert "given.yaml" in message
    assert all(word in message for word in told), message


@pytest.mark.parametrize("tag", ["object/apply:trap.spring ['']", "module:trap ''", "name:trap.spring ''"])
@pytest.mark.parametrize("place", ["", "epochs: "])
def test_yaml_runs_nothing(config_file, tmp_path, monkeypatch, tag, place):
    """Not even the import of a module."""
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\ndef spring(_): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    refused("--config", config_file(f"{place}!!python/{tag}"))
    assert not (tmp_path / "sprung").exists()


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "given.yaml").write_bytes(b"\xff\xfe\x00")
    assert "given.yaml" in refused("--config", tmp_path / "given.yaml")


def test_a_yaml_file_that_is_empty_changes_nothing(config_file):
    assert read_config(["--config", str(config_file("# nothing\n"))]) == Config()


@given(st.sampled_from(NAMES), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_for_any_option_is_taken_or_refused_with_its_name(name, text):
    option = f"--{name.replace('_', '-')}"
    try:
        config = read_config([f"{option}={text}"])
    except InputError as error:
        assert option in str(error) or name in str(error)  # noqa: PT017
    else:
        assert isinstance(config, Config)


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


def test_help_lists_every_option_and_its_default():
    outcome = run_jobs.run([], "train.py", "--help")
    assert outcome.code == 0
    said = " ".join(outcome.out.split())
    for name, default in asdict(Config()).items():
        assert f"--{name.replace('_', '-')} " in said or f"--{name.replace('_', '-')}," in said
        if default is not None and not isinstance(default, bool):
            assert f"(default: {default})" in said


@pytest.mark.parametrize("value", ["0", "one\nor two"])
def test_the_entry_says_one_line_and_ends_with_2(tmp_path, value):
    outcome = run_jobs.run([], "train.py", "--epochs", value, "--output-dir", tmp_path / "run")
    assert outcome.code == 2
    assert outcome.out == ""
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith("error: --epochs ")
    assert not (tmp_path / "run").exists()


def test_all_ranks_together_say_one_line(tmp_path):
    outcome = run_jobs.run(run_jobs.mpirun(2), "train.py", "--epoch", "3", "--output-dir", tmp_path / "run")
    assert outcome.code == 2
    assert outcome.errors == [refused("--epoch", "3")]
    assert "Traceback" not in outcome.text


def test_an_output_folder_that_can_not_be_made(tmp_path, small):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "run"
    outcome = run_jobs.run([], "train.py", "--data-dir", small, "--output-dir", folder)
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1
    assert outcome.errors[0].startswith(f"--output-dir {folder}: ")
