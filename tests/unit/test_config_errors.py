"""A bad option or YAML file is told in one line that names it, and runs nothing."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.config import Config, read_config
from lenet.errors import InputError

NAMES = [field.name for field in fields(Config)]


def refused(*arguments):
    """The one line that the InputError for these arguments says."""
    with pytest.raises(InputError) as caught:
        read_config([str(argument) for argument in arguments])
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


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
        (["--lr", "3"], ["--lr", "did you mean --learning-rate?"]),
        (["--wd=3"], ["--wd", "did you mean --weight-decay?"]),
        (["--bs", "3"], ["--bs", "did you mean --batch-size?"]),
        (["--zzz"], ["unknown option --zzz;"]),
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
        (f"epochs: 0x{'f' * 10_000}", ["epochs", "0xffff"]),  # more digits than Python prints
        (f"? 0x{'f' * 10_000}\n: 3", ["unknown key", "0xffff"]),
        ("epochs: [1, 2]", ["epochs"]),
        ("epochs: {a: 1}", ["epochs"]),
        ("epochs:", ["epochs"]),
        ("learning_rate: .inf", ["learning_rate"]),
        ("learning_rate: .nan", ["learning_rate"]),
        ("output_dir: 5", ["output_dir", "5"]),
        ("debug: 7", ["debug", "7"]),
        ("epoch: 3", ["epoch", "did you mean epochs?"]),
        ("batch-size: 3", ["batch-size", "did you mean batch_size?"]),
        ("lr: 0.1", ["lr", "did you mean learning_rate?"]),
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


@given(st.sampled_from(NAMES), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_for_any_option_is_taken_or_refused_with_its_name(name, text):
    option = f"--{name.replace('_', '-')}"
    try:
        config = read_config([f"{option}={text}"])
    except InputError as error:
        assert option in str(error) or name in str(error)  # noqa: PT017
    else:
        assert isinstance(config, Config)
