"""What several tests of one process share."""

import pytest


@pytest.fixture
def config_file(tmp_path):
    """Writes a text as a YAML file and returns its path."""

    def write(text):
        (tmp_path / "given.yaml").write_text(text)
        return tmp_path / "given.yaml"

    return write
