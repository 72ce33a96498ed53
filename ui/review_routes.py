"""Own routes of the review: the samples as columns, one sample in full, and verdicts.

Verdicts come in batches, in the order in which they were decided, each with a key made once by the page. The answer is
sent after the commit, so what a page shows as saved is on disk; a batch that comes twice is stored once.
"""

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidInput, NotFound
from augment.judge.reviewer import FEWEST_VERDICTS
from augment.store import CONTROL, SampleRecord, SampleRow, Store, VerdictRecord, judged
from ui.calls import Call, route
from ui.gate_routes import sample_gates, sample_value
from ui.map_routes import describe_image
from ui.routes import cut_version
from ui.state import Desks
from ui.theme import class_slots

MAX_BATCH = 500
MAX_REASON_CHARACTERS = 200
MAX_KEY_CHARACTERS = 100
DECISIONS = ("accepted", "rejected", "skipped", "undone")

COLUMNS = ("id", "sha256", "label", "method", "status", "landing_error", "nearest_image_id", "nearest_real_distance")
JUDGED = ("label_probability", "taken_for")


def columns(rows: Sequence[SampleRow]) -> dict[str, list[Any]]:
    """Rows as one list for each of COLUMNS and JUDGED; `sha256` cut to 12 characters, numbers to four decimals."""
    table: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    table["sha256"] = [value[:12] for value in table["sha256"]]
    judgements = [judged(row.label, row.probability) for row in rows]
    table |= {name: [one[i] for one in judgements] for i, name in enumerate(JUDGED)}
    for name in ("landing_error", "nearest_real_distance", "label_probability"):
        table[name] = [None if value is None else round(value, 4) for value in table[name]]
    return table


def _covers(rows: Sequence[SampleRow]) -> dict[int, SampleRow]:
    """By control, the sample that it passes itself off for: one of those that were there before it, on the map where it
    is; always the same one. rows: in the order of ids."""
    own = [row for row in rows if row.method != CONTROL]
    by_map = {placed: [row for row in own if (row.nearest_image_id is not None) == placed] for placed in (True, False)}
    covers = {}
    for control in rows:
        if control.method != CONTROL:
            continue
        for among in (by_map[control.nearest_image_id is not None], own):
            before = bisect_left(among, control.id, key=lambda row: row.id)
            if before:
                covers[control.id] = among[random.Random(control.sha256).randrange(before)]
                break
    return covers


def _undercover(rows: Sequence[SampleRow]) -> list[SampleRow]:
    """The same, by age, with each control at the place of its cover and under its method: a reviewer cannot tell."""
    covers = _covers(rows)

    def place(row: SampleRow) -> tuple[int, int]:
        return (covers[row.id].id, row.id) if row.id in covers else (row.id, 0)

    return [
        row._replace(method=covers[row.id].method, landing_error=covers[row.id].landing_error)
        if row.id in covers
        else row
        for row in sorted(rows, key=place)
    ]


def _list(call: Call) -> Response:
    store = call.desk.store
    rows = _undercover(store.samples.rows())
    reasons = {sample_id: verdict.reason for sample_id, verdict in store.verdicts.standing().items() if verdict.reason}
    return JSONResponse(
        {
            "samples": columns(rows),
            "reasons": reasons,
            "nearest": _nearest_versions(call, rows),
            "counts": store.samples.counts(),
            "slots": class_slots({*store.images.labels(), *store.samples.labels()}),
            "reviewer": call.reviewer,
        }
    )


def _nearest_versions(call: Call, rows: Sequence[SampleRow]) -> dict[int, str]:
    """By id, the version under which the browser may keep the cut of each nearest real image."""
    wanted = sorted({row.nearest_image_id for row in rows if row.nearest_image_id is not None})
    if not wanted:
        return {}
    view = call.desk.view()
    return {int(image.id or 0): cut_version(image, view) for image in call.desk.store.images.get_many(wanted)}


def _sample(call: Call) -> Response:
    store = call.desk.store
    sample = store.samples.get(call.id())
    nearest = None
    if sample.nearest_image_id is not None:
        found = store.images.get_many([sample.nearest_image_id])
        nearest = describe_image(store, found[0]) if found else None
    history = [
        {"decision": v.decision, "reviewer": v.reviewer, "reason": v.reason, "at": v.decided_at}
        for v in store.verdicts.history(call.id())
    ]
    full = {**_full(sample), "value": sample_value(store, call.id())}
    cover_row = _covers(store.samples.rows()).get(call.id()) if sample.method == CONTROL else None
    if cover_row is not None:
        cover = _full(store.samples.get(cover_row.id))
        full |= {name: cover[name] for name in ("method", "recipe", "group", "split", "seed", "error", "created")}
    return JSONResponse({**full, "nearest": nearest, "history": history, "gates": sample_gates(store, call.id())})


def _full(sample: SampleRecord) -> dict[str, Any]:
    return {
        "id": sample.id,
        "version": sample.sha256[:12],
        "sha256": sample.sha256,
        "label": sample.label,
        "method": sample.method,
        "status": sample.status,
        "seed": sample.seed,
        "group": sample.group,
        "split": sample.split,
        "error": sample.landing_error,
        "probability": sample.probability,
        "nearestDistance": sample.nearest_real_distance,
        "position": None if sample.position is None else [round(value, 2) for value in sample.position],
        "recipe": sample.recipe,
        "created": sample.created_at,
    }


@dataclass(frozen=True)
class _Undo:
    """Take back the newest verdict, or, `whole`, the newest action with all its verdicts."""

    key: str
    whole: bool


def _verdict(item: object, reviewer: str) -> VerdictRecord | _Undo:
    """A checked verdict or undo."""
    if not isinstance(item, dict):
        raise InvalidInput(f"verdict {item!r:.80}: an object with sample, decision, reason and key is needed")
    decision, key, reason = item.get("decision"), item.get("key"), item.get("reason") or ""
    if decision not in DECISIONS:
        raise InvalidInput(f"decision {decision!r:.40}: one of {', '.join(DECISIONS)} is needed")
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise InvalidInput(
            f"key {key!r:.120}: 1 to {MAX_KEY_CHARACTERS} characters are needed, others for each decision"
        )
    sample = item.get("sample")
    if decision == "undone":
        return _Undo(key, whole=sample is None)
    if not isinstance(sample, int) or isinstance(sample, bool):
        raise InvalidInput(f"sample {sample!r:.40}: the id of a sample is needed")
    if not isinstance(reason, str) or len(reason) > MAX_REASON_CHARACTERS:
        raise InvalidInput(f"reason: at most {MAX_REASON_CHARACTERS} characters of text are needed")
    batch = item.get("batch") or ""
    if not isinstance(batch, str) or len(batch) > MAX_KEY_CHARACTERS:
        raise InvalidInput(f"batch {batch!r:.120}: at most {MAX_KEY_CHARACTERS} characters of text are needed")
    return VerdictRecord(
        sample_id=sample, decision=decision, reviewer=reviewer, reason=reason, client_key=key, batch=batch
    )


def decide(store: Store, items: Sequence[Any], reviewer: str) -> list[dict[str, Any]]:
    """Store verdicts and undos in order and say for each what its sample is now.

    Verdicts between two undos are one transaction. An undo that names no sample takes back the newest action whole:
    its first sample is the answer, the others are in `also`. Raises InvalidInput or NotFound before the first that is
    wrong; those before it are stored, and sending all of them again stores none twice.
    """
    checked = [_verdict(item, reviewer) for item in items]
    results: list[dict[str, Any]] = []
    run: list[VerdictRecord] = []
    for item in [*checked, None]:
        if isinstance(item, VerdictRecord):
            run.append(item)
            continue
        if run:
            results.extend(_result(record) for record in store.verdicts.add_many(run))
            run = []
        if item is not None:
            results.append(_taken_back(store, reviewer, item))
    _add_status(store, [one for result in results for one in (result, *result.get("also", ()))])
    return results


def _taken_back(store: Store, reviewer: str, undo: _Undo) -> dict[str, Any]:
    if undo.whole:
        taken = store.verdicts.undo_action(reviewer, undo.key)
    else:
        single = store.verdicts.undo(reviewer, undo.key)
        taken = [] if single is None else [single]
    if not taken:
        return {"sample": None, "decision": "nothing"}
    first, *others = [_result(record) for record in taken]
    return {**first, "also": others} if others else first


def _result(record: VerdictRecord) -> dict[str, Any]:
    return {"sample": record.sample_id, "decision": record.decision}


def _add_status(store: Store, results: list[dict[str, Any]]) -> None:
    """Add the status that the store has now. After an undo an earlier verdict may stand again."""
    undone = [result["sample"] for result in results if result["decision"] == "undone"]
    status = {sample.id: sample.status for sample in store.samples.get_many(undone)} if undone else {}
    reasons = store.verdicts.standing(undone) if undone else {}
    for result in results:
        if result["decision"] == "undone":
            result["status"] = status.get(result["sample"], "candidate")
            standing = reasons.get(result["sample"])
            result["reason"] = standing.reason if standing else ""


def _verdicts(call: Call) -> Response:
    items = call.json().get("items")
    if not isinstance(items, list) or not 0 < len(items) <= MAX_BATCH:
        raise InvalidInput(f"items: a list of 1 to {MAX_BATCH} verdicts is needed")
    store = call.desk.store
    try:
        results = decide(store, items, call.reviewer)
    except NotFound as error:
        raise NotFound(f"not saved: {error}") from error
    return JSONResponse({"results": results, "counts": store.samples.counts()})


def _foretold(call: Call) -> Response:
    """What the reviewer who asks would say of each sample, and how sure that is; nothing with too few verdicts."""
    from augment.operations.reviewing import foretell

    found = foretell(call.desk.store, call.reviewer)
    if found is None:
        return JSONResponse({"ids": [], "accept": [], "needed": FEWEST_VERDICTS})
    agreed = found.prediction.agreed
    return JSONResponse(
        {
            "ids": found.ids,
            "accept": [round(float(value), 3) for value in found.prediction.accept],
            "agreed": {"value": agreed.value, "low": agreed.low, "high": agreed.high, "count": agreed.count},
            "usual": found.prediction.usual,
        }
    )


def _reviewers(call: Call) -> Response:
    """Every two reviewers of the same samples, and how often each called a real image fake."""
    from augment.operations.reviewing import controls_called_fake, pairs_of_reviewers

    store = call.desk.store
    pairs = [
        {
            "reviewers": pair.reviewers,
            "kappa": pair.found.kappa,
            "same": pair.found.same.value,
            "count": pair.found.same.count,
            "samples": pair.samples,
        }
        for pair in pairs_of_reviewers(store)
    ]
    fake = {
        name: {"value": share.value, "low": share.low, "high": share.high, "count": share.count}
        for name, share in controls_called_fake(store).items()
    }
    return JSONResponse({"pairs": pairs, "fake": fake})


def _controls(call: Call) -> Response:
    """Mixes real images in, unmarked; answers when they are there."""
    told = call.json().get("count", 10)
    if not isinstance(told, int) or isinstance(told, bool):
        raise InvalidInput(f"count {told!r:.40}: a whole number is needed")
    return JSONResponse({"job": call.desk.engine.submit("mix_controls", {"count": told})})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the review tab."""
    return [
        route("/kizu/review/list", _list, desks),
        route("/kizu/review/foretold", _foretold, desks),
        route("/kizu/review/controls", _controls, desks, ("POST",)),
        route("/kizu/review/reviewers", _reviewers, desks),
        route("/kizu/review/sample/{id}", _sample, desks),
        route("/kizu/review/verdicts", _verdicts, desks, ("POST",)),
    ]
