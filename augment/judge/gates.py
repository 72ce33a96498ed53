"""Gates: what is asked of every sample, each with a number, the limit that real images set, and a sentence.

A gate's number never decides by itself: a limit may be moved, and what a sample passes is said anew. Knows numbers and
words; no pictures, no network, no store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput

__all__ = ["GATES", "Gate", "GateName", "Outcome", "Side", "limit_of", "outcomes"]

GateName = Literal["edit", "outside", "part", "label", "copy", "duplicate", "realism", "landing", "sharpness", "noise"]
Side = Literal["least", "most", "within"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One gate. side: whether its limit is the least or the most that passes, or how far from 0 a number may lie.

    fails: share of real images that its limit lets fail; None where the limit is no matter of what is usual.
    passed, failed: English sentences of {value} and {limit}; `ui/texts/gates.json` has them in each language.
    """

    name: GateName
    side: Side
    fails: float | None
    passed: str
    failed: str

    def passes(self, value: float, limit: float) -> bool:
        """Whether a number is on the right side; one that is none never is."""
        if self.side == "least":
            return value >= limit
        return (abs(value) if self.side == "within" else value) <= limit

    def say(self, value: float, limit: float) -> str:
        """The sentence."""
        text = self.passed if self.passes(value, limit) else self.failed
        return text.format(value=f"{value:.3g}", limit=f"{limit:.3g}")


GATES: Mapping[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate(
            name="edit",
            side="least",
            fails=0.05,
            passed="Inside the mask it changed by {value} levels; noise alone changes {limit}.",
            failed="Nothing to see: inside the mask it changed by {value} levels, and noise alone changes {limit}.",
        ),
        Gate(
            name="outside",
            side="most",
            fails=None,
            passed="Outside the mask nothing changed.",
            failed="{value} pixels outside the mask changed; {limit} may.",
        ),
        Gate(
            name="part",
            side="least",
            fails=0.01,
            passed="The defect lies on the part ({value} of it).",
            failed="Only {value} of the defect lies on the part; {limit} is needed.",
        ),
        Gate(
            name="label",
            side="least",
            fails=0.05,
            passed="Of its label and the likeliest other one, a classifier gives its own {value} of 1.",
            failed="It looks like another label: beside the likeliest other its own gets {value}; {limit} is asked.",
        ),
        Gate(
            name="copy",
            side="least",
            fails=None,
            passed="It is no copy: the nearest photograph is {value} times as far as that of any other part.",
            failed="It copies a photograph: {value} times as far as that of any other part, and {limit} is asked.",
        ),
        Gate(
            name="duplicate",
            side="least",
            fails=0.01,
            passed="No earlier sample is like it (distance {value}).",
            failed="An earlier sample is the same (distance {value}); real ones differ by {limit} or more.",
        ),
        Gate(
            name="realism",
            side="most",
            fails=0.05,
            passed="It lies among the real images ({value} of their reach).",
            failed="It lies outside of the real images: {value} of their reach; {limit} is usual.",
        ),
        Gate(
            name="landing",
            side="most",
            fails=0.05,
            passed="It landed where it was asked for ({value} of the usual distance).",
            failed="It landed elsewhere: {value} times the usual distance; real ones lie within {limit}.",
        ),
        Gate(
            name="sharpness",
            side="within",
            fails=0.02,
            passed="It is as sharp as the camera's pictures ({value} spreads from the middle).",
            failed="It is sharper or softer than the camera's pictures: {value} spreads from the middle, of {limit}.",
        ),
        Gate(
            name="noise",
            side="within",
            fails=0.02,
            passed="Its noise is the camera's ({value} spreads from the middle).",
            failed="Its noise is not the camera's: {value} spreads from the middle, of {limit}.",
        ),
    )
}
"""All gates by name, in the order in which they are shown."""

assert tuple(GATES) == get_args(GateName)


def limit_of(gate: GateName, of_real: NDArray[Any]) -> float:
    """The limit that lets the gate's share of real images (n,) fail.

    Raises:
        InvalidInput: a gate whose limit real images do not set, or no real image.
    """
    kind = GATES[gate]
    values = np.asarray(of_real, dtype=np.float64)
    values = values[np.isfinite(values)]
    if kind.fails is None or not len(values):
        raise InvalidInput(f"gate {gate!r} takes no limit from {len(values)} real images")
    if kind.side == "within":
        values = np.abs(values)
    return float(np.quantile(values, kind.fails if kind.side == "least" else 1 - kind.fails))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a gate says of one sample."""

    gate: GateName
    value: float
    limit: float
    passed: bool
    sentence: str


def outcomes(values: Mapping[str, float], limits: Mapping[str, float]) -> Sequence[Outcome]:
    """Of a sample's numbers, in the gates' order; those without a number or a limit are left out."""
    return [
        Outcome(
            gate=gate.name,
            value=values[name],
            limit=limits[name],
            passed=gate.passes(values[name], limits[name]),
            sentence=gate.say(values[name], limits[name]),
        )
        for name, gate in GATES.items()
        if name in values and name in limits
    ]
