"""The file in which rank 0 leaves the job's exit code for the script that waits."""

from distributed import exit_code


def test_the_last_code_counts(tmp_path, monkeypatch):
    file = tmp_path / "code"
    file.touch()
    monkeypatch.setenv(exit_code.VARIABLE, str(file))
    exit_code.hand_on(143)
    exit_code.hand_on(0)
    assert file.read_text() == "0\n"


def test_nothing_is_left_where_nobody_reads_it(tmp_path, monkeypatch):
    monkeypatch.delenv(exit_code.VARIABLE, raising=False)
    exit_code.hand_on(2)
    for place in (tmp_path / "none", tmp_path / "no folder" / "code", tmp_path):
        monkeypatch.setenv(exit_code.VARIABLE, str(place))
        exit_code.hand_on(2)
    assert list(tmp_path.iterdir()) == []
