"""The parsers that commands share."""

import argparse
import os

import pytest

from lenet import cli


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_computed(tmp_path, monkeypatch):
    """As in a container whose root is read-only; root is refused there too, which no mode of a folder does."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        cli.path_ending(".png")(str(tmp_path / "show.png"))
    assert f"folder {tmp_path} cannot be written; name another, such as runs/show.png" in str(caught.value)
