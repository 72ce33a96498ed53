""" "Reference only" guidance: self-attention that also looks at another picture, without any training.

Before each step the U-Net runs once over the reference at the same noise level and its self-attention layers keep what
they see; in the sample's own run they attend to that as well (Zhang 2023, ControlNet's reference-only). Knows no
scheduler and no mask.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from torch import Tensor, cat, nn

__all__ = ["Reference"]


class _Processor(Protocol):
    """How diffusers computes one attention layer."""

    def __call__(self, attn: nn.Module, hidden_states: Tensor, **others: object) -> Tensor:
        """The layer's answer."""
        ...


class _Attention:
    """A layer's own processor, with the reference's tokens beside its own. Cross-attention is left as it is."""

    def __init__(self, own: _Processor, reference: "Reference") -> None:
        self._own, self._reference = own, reference

    def __call__(
        self, attn: nn.Module, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **others: object
    ) -> Tensor:
        state = self._reference.state
        if encoder_hidden_states is None and state.mode == "keep":
            state.seen[id(attn)] = hidden_states
        elif encoder_hidden_states is None and state.mode == "use":
            seen = state.seen[id(attn)].expand(len(hidden_states), -1, -1)
            encoder_hidden_states = cat([hidden_states, seen], dim=1)
        return self._own(attn, hidden_states, encoder_hidden_states=encoder_hidden_states, **others)


class _State(threading.local):
    """What one thread's sample is doing: two samples are drawn beside each other."""

    mode: Literal["off", "keep", "use"] = "off"

    def __init__(self) -> None:
        self.seen: dict[int, Tensor] = {}


class Reference:
    """Puts itself into a U-Net of diffusers while it is needed."""

    def __init__(self, unet: nn.Module) -> None:
        """Changes nothing yet."""
        self.unet, self.state = unet, _State()

    @contextmanager
    def installed(self) -> Iterator["Reference"]:
        """Inside, the U-Net's attention listens to `keeping` and `using`; afterwards it is as before."""
        before = dict(self.unet.attn_processors)  # type: ignore[arg-type]
        self.unet.set_attn_processor({name: _Attention(own, self) for name, own in before.items()})  # type: ignore[operator]
        try:
            yield self
        finally:
            self.unet.set_attn_processor(before)  # type: ignore[operator]

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Inside, this thread's run of the U-Net is over the reference."""
        self.state.mode = "keep"
        try:
            yield
        finally:
            self.state.mode = "off"

    @contextmanager
    def using(self) -> Iterator[None]:
        """Inside, this thread's run attends to what was kept."""
        self.state.mode = "use"
        try:
            yield
        finally:
            self.state.mode = "off"
