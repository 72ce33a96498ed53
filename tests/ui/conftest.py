"""A small workspace behind the real app, for the tests of the user interface that need no browser."""

import http.client
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from augment.jobs import LocalEngine, WarmWorker
from augment.store import ImageRecord, Store, Workspace
from tests.server import Server, running
from ui.state import Desk


def png(seed: int, side: int = 24) -> bytes:
    """A small grey picture, another one for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def fill(root: Path, labels: tuple[str, ...] = ("crack", "free"), each: int = 3) -> Workspace:
    """A workspace with `each` images of every label."""
    workspace = Workspace(root).create()
    store = Store(workspace)
    records = []
    for index in range(len(labels) * each):
        data = png(index)
        label = labels[index % len(labels)]
        records.append(
            ImageRecord(
                sha256=store.files.put(data),
                name=f"{label}/{index}.png",
                label=label,
                group=f"part-{index // 2}",
                split="train",
                width_px=24,
                height_px=24,
                size_bytes=len(data),
                source="test",
            )
        )
    store.apply(records)
    store.close()
    return workspace


def open_desk(root: Path, worker: WarmWorker, *, demo: bool = False) -> Desk:
    """A desk on a workspace; the worker is not started, for nothing here computes."""
    workspace = Workspace(root)
    store = Store(workspace)
    return Desk(workspace, store, LocalEngine(store, worker), worker, demo=demo, reviewer="tester")


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Client:
    """Sends paths exactly as they are written: no library tidies `..` or `%2e` away."""

    url: str

    def __call__(
        self, path: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.putrequest(method, path, skip_host="Host" in (headers or {}))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        try:
            body = response.read()
        except http.client.IncompleteRead as broken:
            # gradio breaks off the event stream of a session that does not exist.
            body = broken.partial
        answer = Answer(response.status, body, {k.lower(): v for k, v in response.getheaders()})
        connection.close()
        return answer


@pytest.fixture(scope="session")
def map_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of 36 images with a map, to be copied: an encoder describes them."""
    from tests.operations.mapped import add_images, add_map

    root = tmp_path_factory.mktemp("map") / "workspace"
    with Store(Workspace(root).create()) as store:
        add_images(store)
        add_map(store)
    return root


@pytest.fixture
def mapped(map_template: Path, tmp_path: Path) -> Iterator[Store]:
    """A store on a test's own copy of that workspace."""
    with Store(Workspace(shutil.copytree(map_template, tmp_path / "mapped"))) as store:
        yield store


@pytest.fixture(scope="session")
def workspace_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("served") / "workspace").root


@pytest.fixture(scope="session")
def served(workspace_root: Path) -> Iterator[Server]:
    """The app on the small workspace, without login."""
    with running(workspace_root) as server:
        yield server


@pytest.fixture
def ask(served: Server) -> Client:
    return Client(served.url)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """`opened(demo=...)` gives a desk on an own small workspace, closed after the test."""
    desks: list[Desk] = []

    def make(*, demo: bool = False) -> Desk:
        root = fill(tmp_path / f"workspace-{len(desks)}").root
        desks.append(open_desk(root, WarmWorker(), demo=demo))
        return desks[-1]

    yield make
    for desk in desks:
        desk.close()
        desk.worker.close()
