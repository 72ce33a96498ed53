"""The doctor's findings, on this machine and on invented ones."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from augment.cli import main
from augment.doctor import check_disk, check_hub, check_memory, check_processor, check_sqlite, render


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("flags", "level", "says"),
    [
        ("fpu avx2 avx512f avx512_bf16 amx_bf16", "good", "uses bfloat16"),
        ("fpu avx2", "note", "32-bit numbers"),
        ("", "note", "cannot be read"),
    ],
)
def test_the_processor_decides_the_number_format(tmp_path: Path, flags: str, level: str, says: str) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: Example 9000\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    check = check_processor(cpuinfo)
    assert check.level == level
    assert says in check.meaning
    assert "Example 9000" in check.value
    assert ("AMX yes" in check.value) == ("amx" in flags)


def test_a_system_that_tells_nothing_is_no_failure(tmp_path: Path) -> None:
    assert check_processor(tmp_path / "none").level == "note"


def test_the_hub_answers_does_not_or_is_not_asked(hub: str) -> None:
    assert check_hub(2.0, {}, hub).value == "answers (200)"
    assert check_hub(2.0, {"HF_ENDPOINT": hub}).value == "answers (200)"
    silent = check_hub(0.2, {}, "http://127.0.0.1:9")
    assert silent.level == "note" and silent.value.startswith("no answer")
    assert check_hub(0.2, {}, "nonsense").value.startswith("no answer")
    offline = check_hub(2.0, {"HF_HUB_OFFLINE": "1"}, hub)
    assert "not asked" in offline.value


def test_disk_memory_and_sqlite_say_what_they_mean(tmp_path: Path) -> None:
    for check in (check_disk(tmp_path / "not" / "yet" / "there"), check_memory(), check_sqlite()):
        assert check.meaning.endswith(".")
    assert str(tmp_path) in check_disk(tmp_path / "not").value


def test_the_command_reports_everything_with_and_without_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names = ["Python", "torch", "processor", "GPU", "SQLite", "disk", "memory", "Hub"]
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert [check["name"] for check in told["checks"]] == names
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert all(f"{name} " in text for name in names)


def test_a_problem_is_marked() -> None:
    assert render([check_sqlite()]).startswith("ok SQLite")
