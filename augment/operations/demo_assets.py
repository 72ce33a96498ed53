"""What ships with the demo: packing a trained demo workspace into a folder, and unpacking it into a fresh one.

In the folder images are named by name, not by id or hash: the pictures are drawn anew on every machine and may differ
by one grey level between processors. Imports no torch.
"""

import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from augment.errors import NotReady
from augment.store import Change, JobRecord, ModelRecord, ProjectionRecord, SampleRecord, Store
from augment.store.records import ModelKind

__all__ = ["pack_demo", "pack_evaluation", "unpack_demo"]

_MODELS: tuple[ModelKind, ...] = ("encoder", "ddpm")
_NOT_SHIPPED = ("id", "job_id", "created_at")
_EVALUATION = "evaluation"
"""The job that was an evaluation, and of its report what can be read without a browser."""


def pack_demo(store: Store, folder: Path) -> int:
    """Write the newest encoder, map and generator and all samples of a workspace into `folder`; returns its bytes.

    The folder is written under a temporary name and renamed. Raises NotReady if the workspace lacks one of them.
    """
    projection = store.projections.latest()
    models = {kind: store.models.latest(kind) for kind in _MODELS}
    if projection is None or None in models.values():
        raise NotReady("the demo has no encoder, map or generator yet: run kizu train demo")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for kind, model in models.items():
        assert model is not None
        shutil.copyfile(store.workspace.root / model.path, part / f"{kind}.safetensors")
        _write_json(part / f"{kind}.json", {k: v for k, v in asdict(model).items() if k not in _NOT_SHIPPED})
    shutil.copytree(
        store.workspace.root / projection.path, part / "projection", ignore=shutil.ignore_patterns("image_ids.npy")
    )
    ids = np.load(store.workspace.root / projection.path / "image_ids.npy")
    names = {image.id: image.name for image in store.images.list()}
    _write_json(part / "projection.json", {"config": projection.config, "names": [names[int(k)] for k in ids]})
    _pack_samples(store, part / "samples.zip")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _pack_samples(store: Store, path: Path) -> None:
    names = {image.id: image.name for image in store.images.list()}
    by_sha256 = {image.sha256: image.name for image in store.images.list()}
    records: list[dict[str, Any]] = []
    with zipfile.ZipFile(path, "w") as archive:
        for sample in sorted(store.samples.list(), key=lambda sample: sample.id or 0):
            told = {k: v for k, v in asdict(sample).items() if k not in (*_NOT_SHIPPED, "projection_id", "status")}
            told["parents"] = [by_sha256[sha256] for sha256 in sample.parents]
            told["nearest_image_id"] = names.get(sample.nearest_image_id)
            archive.writestr(f"{sample.sha256}.png", store.files.read(sample.sha256))
            records.append(told)
        archive.writestr("samples.json", json.dumps(records))


def pack_evaluation(store: Store, config: Mapping[str, Any], result: Mapping[str, Any], folder: Path) -> None:
    """Write an evaluation of the demo into `folder`, a demo that is packed: its config and result as JSON."""
    names = {image.id: image.name for image in store.images.list()}
    report = {**result["report"], "test_ids": [names[one] for one in result["report"]["test_ids"]]}
    target = folder / _EVALUATION
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for kept in ("classifier.md", "classifier.png"):
        shutil.copyfile(Path(result["folder"]) / kept, target / kept)
    told = {"config": {**config, "folder": ""}, "result": {**result, "folder": "", "report": report}}
    (target / "job.json").write_text(json.dumps(told), encoding="utf-8")


def unpack_demo(store: Store, folder: Path) -> None:
    """Register the models, map and samples of `folder` in a workspace that holds the demo set.

    A folder that holds no models changes nothing. Ids inside the records become those of this workspace.
    """
    if not all((folder / f"{kind}.json").is_file() for kind in _MODELS):
        return
    ids = {kind: _unpack_model(store, folder, kind, {}) for kind in _MODELS[:1]}
    projection_id = _unpack_projection(store, folder, ids["encoder"])
    _keep_view(store, folder)
    _unpack_model(store, folder, "ddpm", {"encoder_id": ids["encoder"], "projection_id": projection_id})
    _unpack_samples(store, folder / "samples.zip", projection_id)
    _unpack_evaluation(store, folder / _EVALUATION)


def _keep_view(store: Store, folder: Path) -> None:
    """The view that the models were trained with: masks drawn here may differ from theirs by a pixel at an edge."""
    view = json.loads((folder / "ddpm.json").read_text(encoding="utf-8"))["config"].get("view")
    if view is not None:
        store.settings.set("view", view)


def _unpack_model(store: Store, folder: Path, kind: ModelKind, links: dict[str, int]) -> int:
    told = json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))
    model = ModelRecord(**told)
    known = store.models.by_sha256(model.sha256)
    if known is not None and known.id is not None:
        return known.id
    target = store.workspace.root / model.path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / f"{kind}.safetensors", target)
    config = {**model.config, **{name: value for name, value in links.items() if name in model.config}}
    return store.apply([replace(model, config=config)])[0]


def _unpack_projection(store: Store, folder: Path, encoder_id: int) -> int:
    """The map's folder with this workspace's image ids, and its record."""
    known = store.projections.latest()
    if known is not None and known.id is not None:
        return known.id
    told = json.loads((folder / "projection.json").read_text(encoding="utf-8"))
    by_name = {image.name: image.id for image in store.images.list()}
    target = store.workspace.projections_dir / "1"
    shutil.copytree(folder / "projection", target, dirs_exist_ok=True)
    np.save(target / "image_ids.npy", np.array([by_name[name] for name in told["names"]], dtype=np.int64))
    path = target.relative_to(store.workspace.root).as_posix()
    return store.apply([ProjectionRecord(encoder_id=encoder_id, path=path, config=told["config"])])[0]


def _unpack_samples(store: Store, path: Path, projection_id: int) -> None:
    if not path.is_file() or store.samples.count():
        return
    images = {image.name: image for image in store.images.list()}
    with zipfile.ZipFile(path) as archive:
        records = json.loads(archive.read("samples.json"))
        store.files.put_many([archive.read(f"{told['sha256']}.png") for told in records])
    changes: list[Change] = []
    for told in records:
        nearest = images.get(told.pop("nearest_image_id"))
        parents = tuple(images[name].sha256 for name in told.pop("parents"))
        for name in ("position", "requested", "xy", "requested_xy"):
            told[name] = None if told[name] is None else tuple(told[name])
        changes.append(
            SampleRecord(
                **told,
                parents=parents,
                nearest_image_id=None if nearest is None else nearest.id,
                projection_id=projection_id,
            )
        )
    store.apply(changes)


def _unpack_evaluation(store: Store, folder: Path) -> None:
    """The evaluation as a job that is done."""
    if not folder.is_dir() or any(job.operation == "evaluate_classifier" for job in store.jobs.list()):
        return
    told = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    ids = {image.name: image.id for image in store.images.list()}
    target = store.workspace.exports_dir / "evaluate-classifier-demo"
    shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("job.json"))
    result = told["result"]
    report = {**result["report"], "test_ids": [ids[name] for name in result["report"]["test_ids"]]}
    _write_json(target / "classifier.json", report)
    now = datetime.now(UTC).isoformat()
    store.jobs.add(
        JobRecord(
            operation="evaluate_classifier",
            config=told["config"],
            title="Evaluate samples by a classifier",
            state="done",
            result={**result, "folder": str(target), "report": report},
            started_at=now,
            finished_at=now,
        )
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
