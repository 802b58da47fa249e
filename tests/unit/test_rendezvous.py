"""The pods meet: a run begins when all wait, is over for all when one is lost, and succeeds for all or for none."""

from distributed.pods import rendezvous
from distributed.pods.rendezvous import DONE, END, GO, LEAVING, OVER, RUNNING, WAIT, WAITING, Rendezvous


def report_all(table: Rendezvous, state: str, tokens: list[str]) -> list[str]:
    """The answers to the pods of a run, which all report the same state."""
    return [table.report(rank, token, state)[0] for rank, token in enumerate(tokens)]


def begun(size: int) -> tuple[Rendezvous, list[str]]:
    """A Rendezvous whose run is under way, and the tokens of it."""
    table, tokens = Rendezvous(size), [f"first-{rank}" for rank in range(size)]
    report_all(table, WAITING, tokens)
    assert report_all(table, WAITING, tokens) == [GO] * size
    return table, tokens


def test_run_begins_when_all_wait():
    table = Rendezvous(3)
    assert table.report(0, "a", WAITING) == (WAIT, {"missing": [1, 2]})
    assert table.report(2, "c", WAITING) == (WAIT, {"missing": [1]})
    answer, last = table.report(1, "b", WAITING)
    assert answer == GO
    others = [table.report(rank, token, WAITING) for rank, token in ((0, "a"), (2, "c"))]
    assert [answer for answer, _ in others] == [GO, GO]
    assert [each["HOROVOD_RANK"] for _, each in others] == ["0", "2"]
    assert (last["HOROVOD_RANK"], last["HOROVOD_SIZE"], last["HOROVOD_CROSS_SIZE"]) == ("1", "3", "3")
    assert {each["HOROVOD_GLOO_RENDEZVOUS_PORT"] for _, each in others} == {last["HOROVOD_GLOO_RENDEZVOUS_PORT"]}


def test_pod_that_went_away_is_not_waited_for(monkeypatch):
    table = Rendezvous(2)
    table.report(1, "b", WAITING)
    monkeypatch.setattr(rendezvous, "FRESH", -1.0)
    assert table.report(0, "a", WAITING) == (WAIT, {"missing": [0, 1]})


def test_successor_ends_run_and_begins_another():
    """The new pod does not get into the old run, and the old ones do not stay in it; the two never share a port."""
    table, tokens = begun(3)
    port = table.rendezvous_port
    assert report_all(table, RUNNING, tokens) == [WAIT] * 3
    assert table.report(1, "second-1", WAITING)[0] == WAIT
    assert table.report(0, tokens[0], RUNNING)[0] == OVER
    assert table.report(2, tokens[2], DONE)[0] == OVER
    assert table.report(0, "second-0", WAITING) == (WAIT, {"missing": [2]})
    assert table.report(2, "second-2", WAITING)[0] == GO
    assert table.rendezvous_port != port


def test_silent_pod_ends_run(monkeypatch):
    table, tokens = begun(2)
    monkeypatch.setattr(rendezvous, "SILENCE", -1.0)
    assert table.report(0, tokens[0], RUNNING)[0] == OVER


def test_all_succeed_or_none():
    table, tokens = begun(2)
    assert table.report(0, tokens[0], DONE)[0] == WAIT
    assert table.report(1, tokens[1], RUNNING)[0] == WAIT
    assert table.report(1, tokens[1], DONE)[0] == END
    assert table.report(0, "successor", WAITING)[0] == END
    assert not table.all_left.is_set()
    assert report_all(table, LEAVING, tokens) == [END, END]
    assert table.all_left.is_set()
