"""Own routes of the gates: what they measured, the limits, and the job that measures.

What a sample passes is worked out on the page and again for one sample here, from the same numbers and limits.
"""

from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from augment.errors import InvalidInput, NotReady
from augment.judge.gates import GATES, outcomes
from augment.judge.value import VALUE
from augment.operations.gate_limits import limits_in_force, limits_of_real, move_limit
from augment.store import GateRecord, Store
from ui.calls import Call, route
from ui.state import Desks

__all__ = ["routes", "sample_gates", "sample_value"]


def _newest(store: Store) -> dict[int, GateRecord]:
    """By sample id, what was measured at the last run against the real images of that run."""
    found = store.gates.of()
    if not found:
        return {}
    basis = max(found.values(), key=lambda record: record.measured_at).basis
    return {sample_id: record for sample_id, record in found.items() if record.basis == basis}


def _list(call: Call) -> Response:
    store = call.desk.store
    records = _newest(store)
    gates: list[dict[str, Any]] = []
    if records:
        basis = next(iter(records.values())).basis
        try:
            usual, limits = limits_of_real(store, basis), limits_in_force(store, basis)
        except NotReady:
            return JSONResponse({"gates": [], "ids": [], "numbers": {}, "values": []})
        gates = [
            {"name": name, "side": GATES[name].side, "limit": limits[name], "usual": usual[name]} for name in limits
        ]
    numbers = {one["name"]: [_short(record.numbers.get(one["name"])) for record in records.values()] for one in gates}
    ids = list(records) if gates else []
    values = [_short(records[one].numbers.get(VALUE)) for one in ids]
    return JSONResponse({"gates": gates, "ids": ids, "numbers": numbers, "values": values})


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def sample_gates(store: Store, sample_id: int) -> list[dict[str, Any]]:
    """What each gate says of one sample; nothing where it was not measured."""
    record = store.gates.of([sample_id]).get(sample_id)
    if record is None:
        return []
    try:
        limits = limits_in_force(store, record.basis)
    except NotReady:
        return []
    return [
        {"name": one.gate, "value": one.value, "limit": one.limit, "passed": one.passed}
        for one in outcomes(record.numbers, limits)
    ]


def sample_value(store: Store, sample_id: int) -> float | None:
    """What a sample is worth to a classifier; None where it was not measured."""
    record = store.gates.of([sample_id]).get(sample_id)
    return None if record is None else _short(record.numbers.get(VALUE))


def _limit(call: Call) -> Response:
    told = call.json()
    gate, limit = told.get("gate"), told.get("limit")
    if not isinstance(gate, str):
        raise InvalidInput(f"gate {gate!r:.40}: one of {', '.join(GATES)} is needed")
    if isinstance(limit, bool) or not isinstance(limit, int | float | None):
        raise InvalidInput(f"limit {limit!r:.40}: a number is needed, or null for that of real images")
    move_limit(call.desk.store, gate, limit)
    return JSONResponse({"gate": gate, "limit": limit})


def _start(call: Call) -> Response:
    if not sum(call.desk.store.samples.counts().values()):
        raise NotReady("there are no samples to measure: generate some first")
    return JSONResponse({"job": call.desk.engine.submit("gate", {})})


def routes(desks: Desks) -> list[BaseRoute]:
    """Routes of the gates."""
    return [
        route("/kizu/gates", _list, desks),
        route("/kizu/gates/limit", _limit, desks, ("POST",)),
        route("/kizu/gates/start", _start, desks, ("POST",)),
    ]
