"""The help of each command fits a screen and has an example that its own parser takes."""

import pytest

from lenet.__main__ import COMMANDS, main, read_options


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_has_an_example_that_works(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        read_options([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 40
    _, found, example = text.partition("example: python -m lenet ")
    assert found
    assert read_options(example.split()).command == command


def test_without_a_command_all_are_listed(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"\n    {name} " in text for name in COMMANDS)
