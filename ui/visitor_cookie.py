"""The cookie that tells a demo's visitors apart: random, and signed, so that only this server's own count."""

import hashlib
import hmac
import secrets

VISITOR_COOKIE = "kizu-visitor"


class VisitorKey:
    """Issues and checks cookie values; another server, or this one after a restart, has another key."""

    def __init__(self) -> None:
        """Draw a key that is kept in memory alone."""
        self._key = secrets.token_bytes(32)

    def _signature(self, token: str) -> str:
        return hmac.new(self._key, token.encode(), hashlib.sha256).hexdigest()[:32]

    def issue(self) -> str:
        """A new cookie value."""
        token = secrets.token_hex(16)
        return f"{token}.{self._signature(token)}"

    def folder_name(self, value: str) -> str | None:
        """The visitor's folder name, 32 hexadecimal digits that do not tell the cookie; None for a foreign value."""
        token, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(token).encode()):
            return None
        return hashlib.sha256(value.encode()).hexdigest()[:32]
