"""A public demo: each visitor has an own workspace that nobody else sees, and some things are off."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from augment.errors import InvalidConfig, Refused
from augment.jobs import WarmWorker
from augment.store import Workspace
from tests.server import Server, running
from tests.ui.conftest import Client, fill, open_desk
from ui.state import Desk
from ui.visitor_cookie import VISITOR_COOKIE, VisitorKey
from ui.visitors import VisitorConfig, VisitorDesks


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = fill(tmp_path_factory.mktemp("template") / "workspace").root
    with running(root, "--demo") as server:
        yield server


class Visitor:
    """A browser that keeps its cookie."""

    def __init__(self, server: Server) -> None:
        self.ask = Client(server.url)
        first = self.ask("/")
        assert first.status == 200
        self.cookie = first.headers["set-cookie"].split(";")[0]
        assert self.cookie.startswith(f"{VISITOR_COOKIE}=")
        assert "HttpOnly" in first.headers["set-cookie"]

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        answer = self.ask(path, headers={"Cookie": self.cookie})
        return answer.status, json.loads(answer.body)

    def post(self, path: str, body: object) -> tuple[int, dict[str, object]]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.ask(path, method="POST", body=data, headers={"Cookie": self.cookie})
        return answer.status, json.loads(answer.body)


def test_visitors_have_workspaces_of_their_own(demo: Server) -> None:
    ann, bob = Visitor(demo), Visitor(demo)
    assert ann.cookie != bob.cookie
    view = {"kind": "centre", "side_px": 32, "colour": "grey", "margin": 2.0}
    assert ann.post("/kizu/data/view", view)[0] == 200
    assert ann.get("/kizu/data")[1]["view"]["side_px"] == 32  # type: ignore[index]
    assert bob.get("/kizu/data")[1]["view"]["side_px"] != 32  # type: ignore[index]
    status, upload = ann.post("/kizu/data/upload?name=a.zip", b"PK\x03\x04 not much of a zip")
    assert status == 200
    plan = {"kind": "zip", "source": upload["source"]}
    assert bob.post("/kizu/data/plan", plan)[0] == 404, "a visitor must not read another's upload"


def test_without_a_cookie_there_is_no_workspace(demo: Server) -> None:
    ask = Client(demo.url)
    for path in ("/kizu/data", "/kizu/image/1", "/kizu/thumb/image/1"):
        assert ask(path).status == 403
        assert ask(path, headers={"Cookie": f"{VISITOR_COOKIE}=../../../etc"}).status == 403
        assert ask(path, headers={"Cookie": f"{VISITOR_COOKIE}={'x' * 32}"}).status == 403
        foreign = VisitorKey().issue()
        assert ask(path, headers={"Cookie": f"{VISITOR_COOKIE}={foreign}"}).status == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/kizu/data/plan", {"kind": "folder", "source": "/"}),
        ("/kizu/data/import", {"kind": "folder", "source": "/etc"}),
        ("/kizu/data/import", {"kind": "hub", "source": "ylecun/mnist"}),
        ("/kizu/train/start", {"kind": "ddpm", "images_seen": 1_000_000, "condition": "label"}),
        ("/kizu/train/start", {"kind": "encoder", "images_seen": 1_000_000}),
    ],
)
def test_what_is_off_says_so(demo: Server, path: str, body: dict[str, object]) -> None:
    status, answer = Visitor(demo).post(path, body)
    assert status == 403
    assert "public demo" in str(answer["error"])


def test_only_zips_are_taken(demo: Server) -> None:
    status, answer = Visitor(demo).post("/kizu/data/upload?name=a.zip", b"hello")
    assert status == 400
    assert "no zip" in str(answer["error"])


def visit(visitors: VisitorDesks) -> SimpleNamespace:
    return SimpleNamespace(cookies={VISITOR_COOKIE: visitors.key.issue()}, headers={})


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return fill(tmp_path / "template").root


def desks(template: Path, folder: Path, **settings: float) -> VisitorDesks:
    worker = WarmWorker()

    def open_one(root: Path) -> Desk:
        return open_desk(root, worker, demo=True)

    return VisitorDesks(template, folder, open_one, worker, VisitorConfig(**settings))  # type: ignore[arg-type]


def test_idle_workspaces_are_swept(template: Path, tmp_path: Path) -> None:
    visitors = desks(template, tmp_path / "visitors", idle_seconds=0.2)
    try:
        ann = visit(visitors)
        desk = visitors.of(ann)
        assert desk.store.images.count() == 6
        assert len(list((tmp_path / "visitors").iterdir())) == 1
        deadline = time.monotonic() + 10
        while list((tmp_path / "visitors").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not list((tmp_path / "visitors").iterdir())
        assert visitors.of(ann).store.images.count() == 6
    finally:
        visitors.close()
    assert not (tmp_path / "visitors").exists()
    assert Workspace(template).exists


def test_a_full_demo_says_so_and_spares_those_at_work(template: Path, tmp_path: Path) -> None:
    visitors = desks(template, tmp_path / "visitors", limit=1, spared_seconds=60)
    try:
        visitors.of(visit(visitors))
        with pytest.raises(Refused, match="taken"):
            visitors.of(visit(visitors))
    finally:
        visitors.close()


def test_the_longest_idle_one_makes_room(template: Path, tmp_path: Path) -> None:
    visitors = desks(template, tmp_path / "visitors", limit=1, spared_seconds=0)
    try:
        first = visitors.of(visit(visitors))
        second = visitors.of(visit(visitors))
        assert first is not second
        assert len(list((tmp_path / "visitors").iterdir())) == 1
    finally:
        visitors.close()


def test_a_demo_needs_room() -> None:
    with pytest.raises(InvalidConfig, match="limit 0"):
        VisitorConfig(limit=0)
