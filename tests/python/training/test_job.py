"""A training job becomes a model, wherever it is interrupted, and says why where it cannot."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelllm.contract import ErrorCode
from pixelllm.data.scenes import draw_scene, scene_rng
from pixelllm.data.write_plain import write_plain
from pixelllm.evaluation.answering import Call, answer, see
from pixelllm.model.checkpoint import Checkpoint, load_checkpoint
from pixelllm.model.delta import SharedBase, load_delta, open_delta
from pixelllm.tasks.errors import TaskError
from pixelllm.training import checkpoints, job_folder
from pixelllm.training.batch import Batch
from pixelllm.training.job import TrainingJob
from pixelllm.training.trainer import Trainer
from tests.python.training.commands import ROOT, curve
from tests.python.training.job_folders import (
    ask,
    become,
    curve_of,
    events_of,
    make_job,
    new_attempt,
    statuses_of,
)
from tests.python.training.jobs import (
    CPU,
    PIECES,
    SETTINGS,
    STEPS,
    drive,
    model_of,
    new_job,
    order_of,
    tiny_base,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset") / "plain"
    write_plain(folder, scenes=5, seed=3, new_things=True)
    return folder


@pytest.fixture(scope="module")
def base() -> SharedBase:
    return tiny_base()


@pytest.fixture(scope="module")
def whole(dataset: Path, base: SharedBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that nobody disturbed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run = new_job(tmp_path_factory.mktemp("whole") / "run")
    assert drive(TrainingJob(order_of(run, dataset), base, CPU)) == "succeeded"
    torch.set_num_threads(threads)
    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return new_job(tmp_path / "run")


def work_on(
    run: Path,
    dataset: Path,
    base: SharedBase,
    attempt: int = 1,
    between: Callable[[int], bool | None] = lambda piece: None,
) -> str | None:
    return drive(TrainingJob(order_of(run, dataset, attempt), base, CPU), between)


def drop_at(piece: int) -> Callable[[int], bool]:
    return lambda number: number == piece


def bytes_of(run: Path) -> bytes:
    return (model_of(run) / "delta.safetensors").read_bytes()


def check_same(run: Path, whole: Path) -> None:
    """The same curve, told once, and the same model to the last bit."""
    assert curve_of(run) == curve_of(whole)
    assert curve(run) == curve(whole)
    assert bytes_of(run) == bytes_of(whole)


def error_of(run: Path) -> dict[str, Any]:
    error: dict[str, Any] = events_of(run, "status")[-1]["data"]["error"]
    return error


def caption(checkpoint: Checkpoint) -> Any:
    with torch.inference_mode():
        seen = see(checkpoint, [draw_scene(scene_rng(0, 0)).image])
        (found,) = answer(checkpoint, seen, [Call("caption", 0, {})])
    return found


# What a job makes.


def test_a_job_becomes_a_model(whole: Path, base: SharedBase) -> None:
    made = load_delta(model_of(whole), base)

    assert statuses_of(whole) == ["queued", "running", "succeeded"]
    assert [event["data"]["step"] for event in events_of(whole, "metrics")] == [2, 4, 6]
    assert [event["data"]["step"] for event in events_of(whole, "checkpoint")] == [3, 6]
    assert events_of(whole, "status")[-1]["data"]["model"] == made.name
    assert caption(made) != caption(load_checkpoint("tiny"))
    assert "trace" in made.card


def test_only_what_learned_is_kept_and_all_else_is_the_base(whole: Path, base: SharedBase) -> None:
    own = open_delta(model_of(whole))
    made = load_delta(model_of(whole), base).model.state_dict()

    assert own
    assert not any(name.startswith(("sam.", "eva.", "detector.")) for name in own)
    assert any(name.startswith("extractor.") for name in own)
    shared = [name for name in made if name not in own]
    assert [n for n in shared if made[n].data_ptr() != base.tensors[n].data_ptr()] == []


def test_progress_is_told(whole: Path) -> None:
    progress = events_of(whole, "metrics")[0]["data"]

    assert (progress["step"], progress["steps"]) == (2, STEPS)
    assert progress["losses"].keys() == {"text", "point", "total"}
    assert progress["images_per_s"] > 0
    assert progress["remaining_s"] > 0
    assert progress["memory_bytes"] > 2**20


def test_the_base_answers_as_before(
    run: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkpoint = load_checkpoint("tiny")
    before = caption(checkpoint)
    own = SharedBase(tiny_base().folder, checkpoint.model.state_dict())

    assert work_on(run, dataset, own) == "succeeded"

    assert caption(checkpoint) == before


def test_at_every_pause_torch_is_as_it_was(run: Path, dataset: Path, base: SharedBase) -> None:
    chance = torch.get_rng_state()

    def look(piece: int) -> bool:
        assert torch.is_inference_mode_enabled()
        assert not torch.is_grad_enabled()
        assert torch.equal(torch.get_rng_state(), chance)
        return piece == 4

    assert work_on(run, dataset, base, between=look) is None


def test_what_others_draw_changes_nothing(
    run: Path, whole: Path, dataset: Path, base: SharedBase
) -> None:
    def draw(_piece: int) -> None:
        torch.rand(3)

    assert work_on(run, dataset, base, between=draw) == "succeeded"

    check_same(run, whole)


def test_a_model_is_trained_from_one_that_was_trained(
    whole: Path, dataset: Path, base: SharedBase, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "frozen": [*SETTINGS["frozen"], "extractor"], "steps": 2}
    second = make_job(tmp_path / "second", hyperparameters=settings, steps=2, model="tiny-two")
    order = order_of(second, dataset, base_folder=model_of(whole))

    assert drive(TrainingJob(order, base, CPU)) == "succeeded"

    first, own = open_delta(model_of(whole)), open_delta(model_of(second))
    assert own.keys() == first.keys()
    kept = [name for name in own if torch.equal(own.read(name), first.read(name))]
    assert {name.split(".")[0] for name in kept} == {"extractor"}
    assert load_delta(model_of(second), base).name == "tiny-two"


# Interruptions.


@pytest.mark.parametrize("seed", range(4))
def test_a_job_that_is_dropped_anywhere_ends_the_same(
    seed: int, run: Path, whole: Path, dataset: Path, base: SharedBase
) -> None:
    chance = random.Random(seed)
    assert work_on(run, dataset, base, between=drop_at(chance.randint(1, PIECES))) is None
    left = drop_at(chance.randint(1, 4))
    ended = work_on(run, dataset, base, new_attempt(run), left)

    assert ended or work_on(run, dataset, base, new_attempt(run)) == "succeeded"

    check_same(run, whole)
    assert set(statuses_of(run)) == {"queued", "running", "succeeded"}


def test_a_process_that_is_killed_ends_the_same(
    run: Path, whole: Path, dataset: Path, base: SharedBase
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.python.training.jobs", str(run), "1", str(dataset)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"},
    )

    while not (run / "checkpoints/step-00000003").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)

    assert work_on(run, dataset, base, new_attempt(run)) == "succeeded"
    check_same(run, whole)


def test_a_job_goes_on_from_the_checkpoint_before_a_damaged_one(
    run: Path, whole: Path, dataset: Path, base: SharedBase
) -> None:
    assert work_on(run, dataset, base, between=drop_at(PIECES)) is None
    last = run / "checkpoints/step-00000006"
    shutil.copytree(run / "checkpoints/step-00000003", last, dirs_exist_ok=True)
    (last / "training.safetensors").write_bytes(b"none")

    assert work_on(run, dataset, base, new_attempt(run)) == "succeeded"

    check_same(run, whole)


def test_a_job_pauses_and_goes_on(run: Path, whole: Path, dataset: Path, base: SharedBase) -> None:
    def pause(piece: int) -> None:
        if piece == 4:
            ask(run, "pause")

    assert work_on(run, dataset, base, between=pause) == "paused"
    assert statuses_of(run)[-1] == "paused"
    assert [kept.name for kept in (run / "checkpoints").iterdir()] == ["step-00000002"]

    become(run, "queued")
    assert work_on(run, dataset, base, new_attempt(run)) == "succeeded"
    check_same(run, whole)


def test_a_job_is_cancelled(run: Path, dataset: Path, base: SharedBase) -> None:
    def cancel(piece: int) -> None:
        if piece == 4:
            ask(run, "cancel")

    assert work_on(run, dataset, base, between=cancel) == "cancelled"

    assert statuses_of(run)[-1] == "cancelled"
    assert not model_of(run).exists()


def test_an_order_that_is_stopped_writes_nothing_more(
    run: Path, dataset: Path, base: SharedBase
) -> None:
    job = TrainingJob(order_of(run, dataset), base, CPU)
    written: list[int] = []

    def stop(piece: int) -> None:
        if piece == 7:
            job.stop()
            written.append(len(events_of(run)))

    assert drive(job, stop) == "stopped"
    assert written == [len(events_of(run))]
    assert statuses_of(run)[-1] == "running"


def test_a_later_attempt_takes_over(
    run: Path, whole: Path, dataset: Path, base: SharedBase
) -> None:
    written: list[int] = []

    def supersede(piece: int) -> None:
        if piece == 5:
            new_attempt(run)
            written.append(len(events_of(run)))

    assert work_on(run, dataset, base, between=supersede) == "superseded"
    assert written == [len(events_of(run))]

    assert work_on(run, dataset, base, 2) == "succeeded"
    check_same(run, whole)


HOLDER = """
import fcntl, sys
with open(sys.argv[1], "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Another process works on the run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    yield
    process.communicate(timeout=60)


def test_an_attempt_waits_for_the_lock_and_gives_up_for_a_later_one(
    run: Path, dataset: Path, base: SharedBase
) -> None:
    work = TrainingJob(order_of(run, dataset), base, CPU).work()
    before = events_of(run)

    with locked(run):
        waited = [next(work) for _ in range(3)]
        new_attempt(run)
        with pytest.raises(StopIteration) as ended:
            next(work)

    assert all(waited)
    assert ended.value.value == "superseded"
    assert events_of(run) == before


def test_a_job_that_ended_while_an_attempt_waited_is_left_alone(
    run: Path, dataset: Path, base: SharedBase
) -> None:
    work = TrainingJob(order_of(run, dataset), base, CPU).work()
    with locked(run):
        next(work)
        become(run, "cancelled")
    before = events_of(run)

    with pytest.raises(StopIteration) as ended:
        next(work)

    assert ended.value.value == "cancelled"
    assert events_of(run) == before


def test_a_job_that_has_ended_is_not_done_again(
    whole: Path, dataset: Path, base: SharedBase
) -> None:
    before = events_of(whole)

    assert work_on(whole, dataset, base, attempt=2) == "succeeded"

    assert events_of(whole) == before


def test_a_model_that_was_written_is_not_written_again(
    run: Path, whole: Path, dataset: Path, base: SharedBase
) -> None:
    shutil.copytree(model_of(whole), model_of(run))
    inode = (model_of(run) / "delta.safetensors").stat().st_ino

    assert work_on(run, dataset, base) == "succeeded"

    assert (model_of(run) / "delta.safetensors").stat().st_ino == inode


# Failures.


def fails(run: Path, dataset: Path, base: SharedBase, code: ErrorCode) -> str:
    """The sentence of a job that fails with a code; what it took is given back."""
    assert work_on(run, dataset, base) == "failed"
    assert statuses_of(run)[-1] == "failed"
    assert error_of(run)["code"] == code
    message: str = error_of(run)["message"]
    assert str(dataset) not in message
    assert str(run) not in message
    return message


def test_a_job_without_enough_memory_fails(
    run: Path, dataset: Path, base: SharedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = Trainer._backward
    trainers: list[Trainer] = []

    def hungry(self: Trainer, part: Batch, parts: int) -> dict[str, Tensor]:
        trainers.append(self)
        if len(trainers) == 5:
            trainers.clear()
            raise torch.OutOfMemoryError("tried to allocate 20 GiB")
        return backward(self, part, parts)

    monkeypatch.setattr(Trainer, "_backward", hungry)

    assert "smaller batch_size" in fails(run, dataset, base, "out_of_memory")
    assert caption(load_checkpoint("tiny"))


def test_a_job_whose_numbers_are_none_fails_with_its_samples(
    tmp_path: Path, dataset: Path, base: SharedBase
) -> None:
    settings = {"optimiser__learning_rate": 1e30, "steps": 8, "machine__bad_steps": 2}
    run = new_job(tmp_path / "run", **settings)

    message = fails(run, dataset, base, "training_diverged")

    assert "2 steps in a row" in message
    assert ".png" in message


def test_a_dataset_that_is_gone_is_told(
    run: Path, dataset: Path, base: SharedBase, tmp_path: Path
) -> None:
    assert "ds_0" in fails(run, tmp_path / "nowhere", base, "dataset_not_found")


def test_a_dataset_that_goes_meanwhile_is_told(
    run: Path, dataset: Path, base: SharedBase, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(dataset, own)

    def remove(piece: int) -> None:
        if piece == 2:
            shutil.rmtree(own)

    assert work_on(run, own, base, between=remove) == "failed"
    assert error_of(run)["code"] == "dataset_not_found"


def full(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_without_room_for_a_checkpoint_fails_the_job(
    run: Path, dataset: Path, base: SharedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "write_tensor_file", full)

    assert "disk is full" in fails(run, dataset, base, "storage_full")
    assert list((run / "checkpoints").iterdir()) == []


SMALL = """
mount -t tmpfs -o size=%dk none "$0" || exit 99
cp -r "$1/." "$0"
"$2" -m tests.python.training.jobs "$0/run" 1 "$3" || exit 98
cat "$0/run/events.jsonl"
ls "$0/run/checkpoints"
"""


@pytest.mark.parametrize(
    ("kilobytes", "kept"), [(600, []), (27_000, [3]), (54_000, [3, 6])], ids=str
)
def test_a_disk_that_is_really_full_fails_the_job(
    kilobytes: int, kept: list[int], tmp_path: Path, dataset: Path
) -> None:
    new_job(tmp_path / "job/run")
    small = tmp_path / "small"
    small.mkdir()
    arguments = [str(small), str(tmp_path / "job"), sys.executable, str(dataset)]

    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", SMALL % kilobytes, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    )

    if done.returncode in (1, 99):
        pytest.skip("this system lets no one mount a file system of their own")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    last = json.loads(lines[-1 - len(kept)])
    assert lines[0] == "failed"
    assert last["data"]["error"]["code"] == "storage_full"
    assert lines[len(lines) - len(kept) :] == [f"step-{step:08d}" for step in kept]


def test_a_disk_without_room_for_the_event_is_told_all_the_same(
    run: Path, dataset: Path, base: SharedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(piece: int) -> None:
        if piece == 2:
            monkeypatch.setattr(checkpoints, "write_tensor_file", full)
            monkeypatch.setattr(job_folder, "_write", full)

    with pytest.raises(TaskError) as caught:
        work_on(run, dataset, base, between=fill)

    assert caught.value.code == "storage_full"


def test_a_recipe_that_the_data_has_nothing_for_is_told(
    tmp_path: Path, base: SharedBase, dataset: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(dataset / "images", bare / "images")
    (bare / "data.jsonl").write_text(
        '{"image": "1.png", "captions": [{"caption": "a robot"}]}\n', "utf-8"
    )
    run = make_job(tmp_path / "run", recipe="ref", hyperparameters=SETTINGS, steps=STEPS)

    message = fails(run, bare, base, "invalid_request")

    assert message == "ref learns phrases; the dataset has captions"


def test_a_defect_leaves_the_job_as_it_was(
    run: Path, dataset: Path, base: SharedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Trainer, "_finish_gradients", broken)

    with pytest.raises(ZeroDivisionError):
        work_on(run, dataset, base)

    assert statuses_of(run)[-1] == "running"
    monkeypatch.undo()
    assert work_on(run, dataset, base, new_attempt(run)) == "succeeded"
