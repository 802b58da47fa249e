"""The file in which rank 0 leaves the job's exit code for the script that waits."""

from distributed import exit_codes


def test_the_last_code_counts(tmp_path, monkeypatch):
    file = tmp_path / "code"
    file.touch()
    monkeypatch.setenv(exit_codes.VARIABLE, str(file))
    exit_codes.report_exit_code(143)
    exit_codes.report_exit_code(0)
    assert file.read_text() == "0\n"


def test_nothing_is_left_where_nobody_reads_it(tmp_path, monkeypatch):
    monkeypatch.delenv(exit_codes.VARIABLE, raising=False)
    exit_codes.report_exit_code(2)
    for place in (tmp_path / "none", tmp_path / "no folder" / "code", tmp_path):
        monkeypatch.setenv(exit_codes.VARIABLE, str(place))
        exit_codes.report_exit_code(2)
    assert list(tmp_path.iterdir()) == []
