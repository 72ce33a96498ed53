"""A middleware around the whole app: which hosts and origins may ask, and what the answers allow.

gradio sends no content policy, reflects any origin on a non-local host name, and knows no visitor's cookie. Here a
foreign origin cannot change anything, a page opened through another host name (DNS rebinding) is refused on a local
installation, and the policy keeps the browser from loading or sending anything outside. gradio's page needs inline
scripts and `eval` for component scripts; these stay allowed.
"""

from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.visitor_cookie import VISITOR_COOKIE, VisitorKey

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_SCRIPT_MARK = b'<script type="module"'
_PAGE_SCRIPT = b'<script src="kizu/page.js"></script>\n\t\t'

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}


def policy(frame_ancestors: str) -> str:
    """The content policy as a header value; `frame_ancestors` names who may show the page in a frame."""
    return "; ".join(f"{name} {value}" for name, value in {**POLICY, "frame-ancestors": frame_ancestors}.items())


def host_name(value: str) -> str:
    """The host of a Host header or an origin, without its port, in lower case."""
    parts = urlsplit(value if "//" in value else f"//{value}")
    return (parts.hostname or "").lower()


class Guard:
    """The middleware. `local_only`: answer only to local host names; `visitors`: signs a cookie for each browser."""

    def __init__(
        self, app: ASGIApp, *, local_only: bool, visitors: VisitorKey | None = None, frame_ancestors: str = "'self'"
    ) -> None:
        """Stand in front of `app`; `frame_ancestors` as in the policy."""
        self.app = app
        self.local_only = local_only
        self.visitors = visitors
        self.policy = policy(frame_ancestors)
        self.framed = frame_ancestors != "'self'"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, and finish the answer's headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return
        cookie = self._new_visitor(scope, headers, self.visitors) if self.visitors else None
        page = scope["method"] == "GET" and scope["path"] == "/"
        await self.app(scope, receive, _Finisher(send, self.policy, cookie, page, self.framed).send)

    def _refusal(self, scope: Scope, headers: Headers) -> str | None:
        if scope["path"].rstrip("/").endswith("/upload") and not scope["path"].startswith("/kizu/"):
            # Anybody could fetch what somebody else uploaded there, and nothing limits how much it keeps.
            return "gradio's own upload is off here: images come in on the tab Data"
        host = host_name(headers.get("host", ""))
        if self.local_only and host not in _LOCAL_HOSTS:
            return f"host {host!r} is not this machine: open http://127.0.0.1 with the port shown at start"
        origin = headers.get("origin")
        if scope["method"] not in _SAFE_METHODS and origin is not None and host_name(origin) != host:
            return f"origin {origin!r} may not change anything here"
        if scope["method"] not in _SAFE_METHODS and headers.get("sec-fetch-site") == "cross-site":
            return "another site may not change anything here"
        return None

    def _new_visitor(self, scope: Scope, headers: Headers, key: VisitorKey) -> str | None:
        """Give a browser that opens the page without a valid visitor's cookie one. Returns the Set-Cookie value."""
        held = SimpleCookie(headers.get("cookie", "")).get(VISITOR_COOKIE)
        if scope["path"] != "/" or (held is not None and key.folder_name(held.value)):
            return None
        # Inside the frame of huggingface.co only a partitioned cross-site cookie survives.
        site = "SameSite=None; Secure; Partitioned" if self.framed else "SameSite=Lax"
        return f"{VISITOR_COOKIE}={key.issue()}; Path=/; HttpOnly; Max-Age=86400; {site}"


class _Finisher:
    """Adds headers to one answer and, where it is gradio's page, the script that must run before gradio's own."""

    def __init__(self, send: Send, content_policy: str, cookie: str | None, page: bool, framed: bool) -> None:
        self.inner, self.policy, self.cookie, self.framed = send, content_policy, cookie, framed
        self.page = page
        self.start: Message | None = None
        self.body = b""

    def _headers(self, message: Message) -> MutableHeaders:
        headers = MutableHeaders(scope=message)
        headers["Content-Security-Policy"] = self.policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        if not self.framed:
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if self.cookie:
            headers.append("Set-Cookie", self.cookie)
        return headers

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = self._headers(message)
            self.page = self.page and headers.get("content-type", "").startswith("text/html")
            if self.page:
                self.start = message
                return
        elif self.page and message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_page()
            return
        await self.inner(message)

    async def _send_page(self) -> None:
        body = self.body.replace(_SCRIPT_MARK, _PAGE_SCRIPT + _SCRIPT_MARK, 1)
        if self.start is not None:
            MutableHeaders(scope=self.start)["content-length"] = str(len(body))
            await self.inner(self.start)
        await self.inner({"type": "http.response.body", "body": body})
