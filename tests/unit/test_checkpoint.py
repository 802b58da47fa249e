"""A checkpoint comes back whole or is known to be damaged; then the one before it is used."""

import hashlib
import json
import pickletools
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.errors import InputError
from lenet.run import checkpoint
from lenet.run.progress import Progress, Totals

FILES = ("model.params", "optimizer.params", "state.json")


@pytest.fixture
def folder(stopped, tmp_path):
    """The output folder of a run that was stopped in the middle of its second epoch, to break."""
    return shutil.copytree(stopped(), tmp_path / "run")


def same(one, two):
    """Are the two checkpoints equal in every value?"""
    arrays = [(one.weights, two.weights), (one.momenta, two.momenta)]
    return (
        all(list(ours) == list(theirs) for ours, theirs in arrays)
        and all(np.array_equal(ours[name], theirs[name]) for ours, theirs in arrays for name in ours)
        and (one.progress, one.totals, one.run) == (two.progress, two.totals, two.run)
    )


def test_the_files_of_the_contract(stopped):
    folders = checkpoint.folders(stopped())
    assert [folder.name for folder in folders] == ["step-00000003", "step-00000004", "step-00000005"]
    for folder in folders:
        assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert sorted(path.name for path in (stopped() / "checkpoints").iterdir()) == [each.name for each in folders]


def test_no_file_is_a_pickle(stopped):
    for path in stopped().rglob("*"):
        if path.is_file() and path.stat().st_size:
            with pytest.raises(ValueError, match=r"."), open(path, "rb") as file:
                list(pickletools.genops(file))


def test_what_stands_in_it(stopped):
    loaded = checkpoint.load(checkpoint.folder_of(stopped(), 5))
    assert loaded.progress == Progress(epoch=1, images_done=64, step=5)
    assert loaded.totals.images == 64
    assert loaded.run["images"] == 250
    assert loaded.run["seed"] == 1
    assert list(loaded.momenta) == list(loaded.weights)
    assert all(np.abs(momentum).max() > 0 for momentum in loaded.momenta.values())
    at_the_end_of_an_epoch = checkpoint.load(checkpoint.folder_of(stopped(), 4))
    assert at_the_end_of_an_epoch.progress == Progress(epoch=1, images_done=0, step=4)
    assert at_the_end_of_an_epoch.totals == Totals()


def test_the_newest_is_found(stopped):
    told = []
    assert checkpoint.newest(stopped(), told.append).progress.step == 5
    assert told == []


def test_none_in_a_new_folder(tmp_path):
    assert checkpoint.newest(tmp_path / "new", report=None) is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "longer", "another's"])
def test_a_damaged_file_is_found_and_the_checkpoint_before_is_used(folder, name, damage):
    path = checkpoint.folder_of(folder, 5) / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        other = (checkpoint.folder_of(folder, 4) / name).read_bytes()
        path.write_bytes({"empty": b"", "cut": content[:-9], "longer": content + b"{}", "another's": other}[damage])
    told = []
    assert checkpoint.newest(folder, told.append).progress.step == 4
    assert len(told) == 1
    assert str(checkpoint.folder_of(folder, 5)) in told[0]
    assert "\n" not in told[0]


@pytest.mark.parametrize("name", FILES)
def test_any_changed_byte_is_found_or_changes_nothing(stopped, tmp_path_factory, name):
    """Nothing is chosen with care: a byte becomes any other."""
    sound = checkpoint.load(checkpoint.folder_of(stopped(), 5))
    folder = shutil.copytree(checkpoint.folder_of(stopped(), 5), tmp_path_factory.mktemp("bytes") / "step-00000005")
    content = (folder / name).read_bytes()

    @given(place=st.integers(0, len(content) - 1), mask=st.integers(1, 255))
    def check(place, mask):
        changed = bytearray(content)
        changed[place] ^= mask
        (folder / name).write_bytes(changed)
        try:
            loaded = checkpoint.load(folder)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert same(loaded, sound), bytes(changed)

    check()


def test_a_state_whose_numbers_were_changed_is_refused(folder):
    path = checkpoint.folder_of(folder, 5) / "state.json"
    for part, name, value in [
        ("progress", "step", 6),
        ("progress", "epoch", 2),
        ("progress", "images_done", 128),
        ("progress", "images_done", 999),
        ("totals", "images", 65),
        ("totals", "correct", 3),
        ("totals", "loss", 1.5),
    ]:
        state = json.loads(path.read_text())
        state[part][name] = value
        changed = folder / "changed" / "step-00000005"
        shutil.copytree(path.parent, changed, dirs_exist_ok=True)
        (changed / "state.json").write_text(json.dumps(state))
        with pytest.raises(InputError):
            checkpoint.load(changed)


def test_when_all_are_damaged_nothing_is_begun_silently(folder):
    for each in checkpoint.folders(folder):
        (each / "model.params").unlink()
    with pytest.raises(InputError, match="--resume never"):
        checkpoint.newest(folder, report=lambda line: None)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b"{",
        b"\xff",
        pytest.param(b"[" * 100_000, id="deep"),
        b'{"format": 2}',
        b'{"format": 1}',
        b'{"format": 1, "progress": {"epoch": true, "images_done": 0, "step": 0}}',
        b'{"format": 1, "progress": {"epoch": 1e9, "images_done": 0, "step": 0}}',
    ],
)
def test_a_state_of_another_kind_is_refused(folder, content):
    place = checkpoint.folder_of(folder, 5)
    (place / "state.json").write_bytes(content)
    with pytest.raises(InputError, match=r"state\.json"):
        checkpoint.load(place)


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_newest_ones_stay(stopped, tmp_path, keep):
    sound = checkpoint.load(checkpoint.folder_of(stopped(), 5))
    for step in (8, 9, 10, 11):
        checkpoint.save(tmp_path, with_step(sound, step), keep)
    kept = [folder.name for folder in checkpoint.folders(tmp_path)]
    assert kept == [f"step-{step:08d}" for step in (8, 9, 10, 11)][-keep:]


@pytest.mark.parametrize("keep", [1, 2])
def test_a_damaged_one_does_not_push_out_a_whole_one(folder, keep):
    """After the run went back before damaged checkpoints, what it writes next is older than they are."""
    for step in (4, 5):
        (checkpoint.folder_of(folder, step) / "model.params").write_bytes(b"")
    sound = checkpoint.newest(folder, report=lambda line: None)
    assert sound.progress.step == 3
    written = replace(sound, progress=replace(sound.progress, images_done=190, step=3))
    checkpoint.save(folder, written, keep)
    assert checkpoint.newest(folder, report=lambda line: None).progress.step == 3


def test_a_second_save_of_a_step_takes_the_place_of_the_first(stopped, tmp_path):
    sound = checkpoint.load(checkpoint.folder_of(stopped(), 5))
    checkpoint.save(tmp_path, sound, keep=1)
    other = replace(sound, weights={name: value + 1 for name, value in sound.weights.items()})
    checkpoint.save(tmp_path, other, keep=1)
    loaded = checkpoint.load(checkpoint.folder_of(tmp_path, 5))
    assert np.array_equal(loaded.weights["0.bias"], sound.weights["0.bias"] + 1)


def test_the_digests_are_of_the_files(stopped):
    place = checkpoint.folder_of(stopped(), 5)
    digests = json.loads((place / "state.json").read_text())["sha256"]
    for name in FILES[:2]:
        assert digests[name] == hashlib.sha256((place / name).read_bytes()).hexdigest()


def with_step(sound, step):
    return replace(sound, progress=replace(sound.progress, step=step))
