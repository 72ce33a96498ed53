"""What the tab Train shows and asks for: fields, presets, preflight, networks, and starting a training.

Estimates come from speeds measured on this machine by earlier trainings of the same kind; without one there is no
estimate.
"""

from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidConfig, NotReady, Refused
from augment.features.encoder_config import TrainEncoderConfig
from augment.latent.lora.presets import PRESETS as LORA_PRESETS
from augment.operations import find_operation, to_json
from augment.operations.lora_preflight import look_ahead
from augment.store import JobRecord, ModelKind, ModelRecord
from ui.calls import Call, route
from ui.forms import describe_fields
from ui.i18n import text
from ui.redraw_routes import refuse_foreign
from ui.state import Desk, Desks
from ui.theme import FLAWLESS_LABELS, class_slots

DEMO_IMAGES_SEEN = 4_000
"""Longest training in a public demo, in images: about a minute on two cores."""

DEMO_CROPS_SEEN = 600
"""The same for a LoRA."""

FEW_IMAGES = 10
LISTED_RUNS = 20


def _lengths(short: int, usual: int, long: int) -> dict[str, dict[str, dict[str, int]]]:
    chosen = {"try": short, "usual": usual, "long": long}
    return {"length": {name: {"images_seen": images} for name, images in chosen.items()}}


KINDS: dict[str, dict[str, Any]] = {
    "ddpm": {
        "operation": "train_ddpm",
        "main": ("condition", "start", "images_seen", "width", "batch_size", "learning_rate", "seed"),
        "presets": _lengths(8_000, 40_000, 160_000),
    },
    "redraw": {
        "operation": "train_redraw",
        "main": ("side_px", "start", "images_seen", "width", "batch_size", "learning_rate", "seed"),
        "presets": _lengths(4_000, 40_000, 160_000),
    },
    "lora": {
        "operation": "train_lora",
        "main": ("label", "base", "token", "images_seen", "rank", "learning_rate", "regularisation_images", "seed"),
        "presets": LORA_PRESETS,
    },
    "encoder": {
        "operation": "train_encoder",
        "main": ("start", "images_seen", "width", "batch_size", "learning_rate", "flips", "seed"),
        "presets": _lengths(4_000, 0, 64_000),
    },
    "factors": {
        "operation": "train_factors",
        "main": ("label", "teacher_id", "dimensions", "added", "images_seen", "beta", "gamma", "seed"),
        "presets": _lengths(50_000, 400_000, 1_600_000),
    },
    "dcgan": {
        "operation": "train_dcgan",
        "main": ("images_seen", "width", "batch_size", "learning_rate", "seed"),
        "presets": _lengths(40_000, 200_000, 800_000),
    },
}


def _speeds(operation: str, jobs: list[JobRecord]) -> dict[str, float]:
    """Images a second by width (and side, where it is a setting), as the newest training of this kind measured it."""
    measured: dict[str, float] = {}
    for job in jobs:
        rate = job.metrics.get("images_per_second")
        if job.operation == operation and rate:
            size = (job.config.get("width"), job.config.get("side_px"))
            measured.setdefault(" ".join(str(one) for one in size if one is not None), rate)
    return measured


def _model(model: ModelRecord, used: set[int | None]) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "sha256": model.sha256[:12],
        "metrics": model.metrics,
        "created": model.created_at,
        "job": model.job_id,
        "used": model.id in used,
        "advice": model.config.get("advice", ""),
    }


def _in_use(desk: Desk) -> set[int | None]:
    """What the next click uses: the encoder of the map, and the newest model of each other kind."""
    projection, models = desk.store.projections.latest(), desk.store.models
    kinds: tuple[ModelKind, ...] = ("ddpm", "redraw", "factors", "dcgan")
    newest = [model.id for model in map(models.latest, kinds) if model]
    return {projection.encoder_id if projection else None, *newest} - {None}


def _one_of(field: dict[str, Any], choices: list[str], words: dict[str, str] | None = None) -> dict[str, Any]:
    """A field as a choice of texts; the first is chosen. words: what stands for a choice, where that is not itself."""
    told = {"kind": "choice", "choices": choices, "default": choices[0] if choices else "", "words": words or {}}
    return {**field, **told}


def _of_factors(described: list[dict[str, Any]], labels: list[str], call: Call) -> list[dict[str, Any]]:
    """Class and teacher as choices: none stands for all, and for a teacher of its own."""
    models = [model for model in call.desk.store.models.list("factors") if not model.config["shape"]["added"]]
    teachers = {str(model.id): f"{model.name} ({model.id})" for model in models}
    chosen = {
        "label": _one_of({}, ["", *labels], {"": text("train.all_classes", call.language)}),
        "teacher_id": _one_of({}, ["", *teachers], {"": text("train.no_teacher", call.language), **teachers}),
    }
    return [{**one, **chosen.get(one["name"], {})} for one in described]


def _summary(call: Call) -> Response:
    desk, store = call.desk, call.desk.store
    jobs = store.jobs.list(limit=200)
    counts = store.images.counts()
    used = _in_use(desk)
    kinds, models = {}, store.models.list()
    # The rarest defect first: it is what a LoRA is for.
    defects = sorted({one[0] for one in counts if one[1] == "train" and one[0].strip().lower() not in FLAWLESS_LABELS})
    defects.sort(key=lambda label: counts[label, "train"])
    # What 0 stands for depends on the number of images: the form shows the number itself.
    looks = TrainEncoderConfig().looks(store.images.count(split="train"))
    for kind, about in KINDS.items():
        operation = str(about["operation"])
        described, presets = describe_fields(find_operation(operation).config_type), about["presets"]
        if kind == "encoder":
            described = [{**one, "default": looks} if one["name"] == "images_seen" else one for one in described]
            presets = {"length": {**presets["length"], "usual": {"images_seen": looks}}}
        if kind == "factors":
            described = _of_factors(described, store.images.labels(), call)
        if kind == "lora":
            described = [_one_of(one, defects) if one["name"] == "label" else one for one in described]
        kinds[kind] = {
            "operation": operation,
            "main": about["main"],
            "presets": presets,
            "demo_images": DEMO_CROPS_SEEN if kind == "lora" else DEMO_IMAGES_SEEN,
            "fields": described,
            "speeds": _speeds(operation, jobs),
            "models": [_model(model, used) for model in models if model.kind == kind],
            "runs": [
                {"id": job.id, "state": job.state, "created": job.created_at, "config": job.config}
                for job in jobs
                if job.operation == operation
            ][:LISTED_RUNS],
        }
    return JSONResponse(
        {
            "demo": desk.demo,
            "few": FEW_IMAGES,
            "classes": [
                {"label": label, "slot": slot, "train": counts.get((label, "train"), 0)}
                for label, slot in class_slots(store.images.labels()).items()
            ],
            "side_px": desk.view().side_px if counts else None,
            "projection": store.projections.latest() is not None,
            "masks": store.images.count(split="train", masked=True),
            "kinds": kinds,
        }
    )


def _start(call: Call) -> Response:
    desk, values = call.desk, call.json()
    kind = values.pop("kind", "")
    if kind not in KINDS:
        raise InvalidConfig(f"kind {kind!r}: {' or '.join(KINDS)} can be trained")
    if kind == "factors":
        values["teacher_id"] = int(values["teacher_id"]) if str(values.get("teacher_id") or "").isdigit() else None
    operation = find_operation(str(KINDS[kind]["operation"]))
    config = operation.read_config(values)
    most = DEMO_CROPS_SEEN if kind == "lora" else DEMO_IMAGES_SEEN
    if desk.demo and not 0 < config.images_seen <= most:
        raise Refused(text("train.off_in_demo", call.language, n=f"{most:,}"))
    if not desk.store.images.count(split="train"):
        raise NotReady(text("train.no_images", call.language))
    if kind == "ddpm" and config.condition != "label" and desk.store.projections.latest() is None:
        raise NotReady(text("train.needs_map", call.language))
    if kind == "redraw" and not desk.store.images.count(split="train", masked=True):
        raise NotReady(text("train.needs_masks", call.language))
    if kind == "lora":
        refuse_foreign(call, config.base)
        # What is wrong is said now, not by a job that fails.
        look_ahead(config, desk.store)
    if desk.store.settings.get("view") is None:
        desk.store.settings.set("view", desk.view().to_json())
    return JSONResponse({"job": desk.engine.submit(operation.name, to_json(config))})


def _lora(call: Call) -> Response:
    """What a LoRA's training would come to, as `LoraPreflight`."""
    config = find_operation("train_lora").read_config(call.json())
    refuse_foreign(call, config.base)
    return JSONResponse(to_json(look_ahead(config, call.desk.store)))


def _measure(call: Call) -> Response:
    """Starts the job that measures seconds and memory of a LoRA's steps."""
    desk, operation = call.desk, find_operation("preflight_lora")
    config = operation.read_config(call.json())
    refuse_foreign(call, config.base)
    look_ahead(config, desk.store)
    return JSONResponse({"job": desk.engine.submit(operation.name, to_json(config))})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the tab Train."""
    return [
        route("/kizu/train", _summary, desks),
        route("/kizu/train/start", _start, desks, ("POST",)),
        route("/kizu/train/lora", _lora, desks, ("POST",)),
        route("/kizu/train/lora/measure", _measure, desks, ("POST",)),
    ]
