"""Messages, progress, speed, slots, strip and the job's folder, each by itself."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from augment.errors import Cancelled, InvalidInput, JobFailed, KizuError, NotFound, NotReady
from augment.jobs.folder import JobFolder
from augment.jobs.messages import Channel, decode_changes, decode_error, encode_changes, encode_error
from augment.jobs.progress import JobProgress
from augment.jobs.slots import Slots
from augment.jobs.speed import Speed
from augment.jobs.strip import make_strip
from augment.store import JobRecord, ModelRecord, Workspace
from tests.jobs.operations import image


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def channels() -> Iterator[tuple[Channel, Channel]]:
    one, two = (Channel(end) for end in socket.socketpair())
    yield one, two
    one.close()
    two.close()


def test_messages_arrive_whole_and_in_order_however_long(channels: tuple[Channel, Channel]) -> None:
    one, two = channels
    sent = [{"kind": "a", "text": "傷" * 200_000}, {"kind": "b", "n": 1}]
    thread = threading.Thread(target=lambda: [one.send(message) for message in sent])
    thread.start()
    assert [two.receive(5.0), two.receive(5.0)] == sent
    thread.join()
    with pytest.raises(TimeoutError):
        two.receive(0.01)
    one.close()
    with pytest.raises(EOFError):
        two.receive()


def test_progress_is_dropped_rather_than_waited_for_when_nobody_reads(channels: tuple[Channel, Channel]) -> None:
    one, _ = channels
    sent = [one.send_if_free({"kind": "progress", "text": "x" * 1000}) for _ in range(2000)]
    assert sent[0] and not sent[-1]


def test_records_keep_their_type_over_the_pipe() -> None:
    changes = [image(1, "a" * 64), ModelRecord(kind="ddpm", name="n", path="p", sha256="b", config={"x": [1]})]
    assert decode_changes(json.loads(json.dumps(encode_changes(changes)))) == changes


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (NotReady("first do this"), NotReady, "first do this"),
        (MemoryError(), JobFailed, "Memory ran out"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), JobFailed, "Memory ran out"),
        (ValueError("a\nb"), JobFailed, "ValueError: a"),
    ],
)
def test_errors_keep_their_type_over_the_pipe(error: Exception, kind: type[KizuError], text: str) -> None:
    decoded = decode_error(encode_error(error))
    assert type(decoded) is kind
    assert text in str(decoded) and "\n" not in str(decoded)


def test_only_errors_meant_for_users_are_made_from_a_message() -> None:
    assert type(decode_error({"error": "Cancelled", "text": "x"})) is JobFailed
    assert type(decode_error({"error": "__doc__", "text": "x"})) is JobFailed


def test_progress_is_throttled_and_the_last_step_is_always_told(tmp_path: Path) -> None:
    clock, reports = Clock(), []
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    progress = JobProgress(folder, lambda *report: reports.append(report), lambda: False, clock)
    for step in range(1, 1001):
        clock.now += 0.01
        progress(step, 1000, {"loss": float("nan") if step == 1000 else 1.0})
    # 10 seconds: 2 reports and 4 points a second, one more at each end.
    assert 20 <= len(reports) <= 22
    assert 39 <= len(folder.metrics()) <= 42
    assert reports[-1] == (1000, 1000, {})
    assert folder.metrics()[-1] == {"step": 1000, "total": 1000, "seconds": 10.0, "loss": None}


def test_a_night_of_training_leaves_a_curve_that_can_still_be_drawn(tmp_path: Path) -> None:
    clock = Clock()
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    progress = JobProgress(folder, lambda *_: None, lambda: False, clock)
    for step in range(12 * 600):
        clock.now += 6.0 if step > 1000 else 0.3
        progress(step, 10**6, {"loss": 1.0})
    points = folder.metrics()
    last_hour = [point for point in points if point["seconds"] > points[-1]["seconds"] - 3600]
    assert len(points) < 7000
    assert 200 < len(last_hour) < 400, "one in 11 s by then"


def test_progress_raises_when_told_to_stop(tmp_path: Path) -> None:
    clock = Clock()
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    with pytest.raises(Cancelled):
        JobProgress(folder, lambda *_: None, lambda: True, clock)(1, 2)
    progress = JobProgress(folder, lambda *_: None, lambda: False, clock)
    progress(1, 3)
    folder.ask_to_stop()
    clock.now += 1.0
    with pytest.raises(Cancelled):
        progress(2, 3)
    folder.forget_stop()
    assert not folder.stop_asked


def test_asking_whether_to_stop_leaves_the_progress_where_it_was(tmp_path: Path) -> None:
    reports: list[object] = []
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    progress = JobProgress(folder, lambda *report: reports.append(report), lambda: False)
    progress.check()
    assert reports == []
    folder.ask_to_stop()
    with pytest.raises(Cancelled):
        progress.check()


def test_a_curve_has_each_step_once_after_a_resume(tmp_path: Path) -> None:
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    for step, loss in ((1, 0.9), (2, 0.8), (3, 0.7), (2, 0.6), (3, 0.5), (4, 0.4)):
        folder.add_metrics({"step": step, "loss": loss})
    assert [(point["step"], point["loss"]) for point in folder.curve()] == [(1, 0.9), (2, 0.6), (3, 0.5), (4, 0.4)]
    assert len(folder.metrics()) == 6


def test_a_full_disk_ends_curves_but_not_the_training(tmp_path: Path) -> None:
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    folder.metrics_file.mkdir()  # writing now fails with an OSError, as on a full disk
    JobProgress(folder, lambda *_: None, lambda: False)(1, 1, {"loss": 1.0})


def test_previews_cannot_leave_their_folder(tmp_path: Path) -> None:
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    for name in ("../x", "a/b", "", ".hidden", "x" * 200):
        with pytest.raises(InvalidInput, match="preview name"):
            folder.write_preview(name, b"x")
    folder.write_preview("b", b"1")
    folder.write_preview("a.png", b"2")
    assert folder.previews() == ["b.png", "a.png"]
    with pytest.raises(NotFound):
        folder.preview("../../kizu.db")


def test_a_torn_line_of_the_curve_is_passed_over(tmp_path: Path) -> None:
    folder = JobFolder(Workspace(tmp_path).create(), 1).make()
    folder.add_metrics({"step": 1})
    with folder.metrics_file.open("ab") as file:
        file.write(b'{"step": 2, "lo')
    folder.add_metrics({"step": 3})
    assert [point["step"] for point in folder.metrics()] == [1, 3]
    assert folder.metrics(since=2) == [{"step": 3}]


def test_time_left_follows_the_measured_speed() -> None:
    clock, jumps = Clock(), []
    speed = Speed(clock)
    assert speed.eta_seconds() is None
    for step in range(101):
        clock.now += 0.5
        speed.note(step, 1000)
        jumps.append(speed.eta_seconds())
    assert speed.steps_per_second == pytest.approx(2.0)
    assert speed.eta_seconds() == pytest.approx(450.0, rel=0.01)
    clock.now += 5.0
    assert speed.eta_seconds() == pytest.approx(445.0, rel=0.01), "counts down between reports"
    speed.note(0, 50)
    assert speed.eta_seconds() is None, "another phase is measured anew"


def test_a_pause_moves_the_time_left_smoothly() -> None:
    clock = Clock()
    speed = Speed(clock)
    for step in range(200):
        clock.now += 0.5
        speed.note(step, 1000)
    before = speed.eta_seconds() or 0.0
    for step in range(200, 206):
        clock.now += 1.0  # half as fast
        speed.note(step, 1000)
    after = speed.eta_seconds() or 0.0
    assert before < after < 1.3 * before, "one slow moment does not double the figure"


def test_slots_call_in_order_and_count() -> None:
    slots, started = Slots(2), []
    tickets = [slots.enter(lambda number=number: started.append(number)) for number in range(5)]
    assert started == [0, 1] and slots.waiting == 3
    assert slots.ahead_of(tickets[3]) == 1 and slots.ahead_of(tickets[0]) is None
    assert slots.withdraw(tickets[2]) and not slots.withdraw(tickets[0])
    slots.release()
    slots.release()
    slots.release()
    assert started == [0, 1, 3, 4]
    with pytest.raises(ValueError, match="at least 1"):
        Slots(0)


def test_the_strip_shows_what_matters() -> None:
    def job(number: int, state: str, operation: str = "embed", step: int = 0, total: int = 0) -> JobRecord:
        return JobRecord(operation=operation, config={}, state=state, id=number, step=step, total=total)  # type: ignore[arg-type]

    records = [
        job(9, "queued"), job(8, "queued"), job(7, "running", step=5, total=20), job(6, "done", "import"),
        job(5, "failed", "import"), job(4, "interrupted"), job(3, "failed", "export"), job(2, "cancelled"),
    ]  # fmt: skip
    strip = make_strip(records, 3, lambda _: 12.0, frozenset({3}))
    assert [shown.id for shown in strip.waiting] == [8, 9]
    assert [shown.ahead for shown in strip.waiting] == [0, 1]
    (active,) = strip.active
    assert (active.fraction, active.eta_seconds, active.can_cancel, active.can_resume) == (0.25, 12.0, True, False)
    assert [shown.id for shown in strip.failed] == [4], "made good: 5, dismissed: 3"
    assert strip.failed[0].can_resume
    assert strip.waiting[0].fraction is None and strip.waiting[0].eta_seconds is None
