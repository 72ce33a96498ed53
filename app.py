"""Opens a workspace and serves the page: `python app.py`, and the entry of a Hugging Face Space.

Without arguments it opens the demo workspace in the user's data folder and draws it on the first start. Nothing heavy
is imported before the page answers; the warm worker loads torch afterwards, in its own process.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; on a Space (SPACE_ID is set) the defaults are those of a public demo."""
    on_space = "SPACE_ID" in os.environ
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Kizu: turn a few photographs of a rare defect into a dataset you can defend.",
        epilog="example: python app.py --workspace ~/tiles --port 7861",
    )
    add = parser.add_argument
    add(
        "--workspace",
        type=Path,
        metavar="FOLDER",
        help="workspace to open, made where there is none; without it the demo",
    )
    add("--demo-images", action="store_true", help="draw the demo into the workspace where that is new")
    add("--demo", action="store_true", default=on_space, help="public demo: a temporary workspace for each visitor")
    add("--host", default="0.0.0.0" if on_space else "127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=7860 if on_space else None, help="port; without one, the first free from 7860")
    add("--auth", action="append", default=[], metavar="USER:PASSWORD", help="login; may be given more than once")
    add("--share", action="store_true", help="open a public gradio.live address as well; needs a login")
    add("--log", default="warning", choices=("debug", "info", "warning"), help="how much the log says (%(default)s)")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Returns 0, or 1 with the reason on standard error, or 2 for wrong usage."""
    options = arguments(given)
    logging.basicConfig(level=options.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from augment.errors import InvalidConfig, KizuError
    from ui.serving import serve
    from ui.shell import ServerConfig

    try:
        config = ServerConfig(
            host=options.host,
            port=options.port,
            auth=tuple(_login(text) for text in options.auth),
            share=options.share,
            demo=options.demo,
            framed="SPACE_ID" in os.environ,
        )
        serve(config, options.workspace, demo_images=options.demo_images)
    except KizuError as error:
        sys.stderr.write(f"kizu: {error}\n")
        return 2 if isinstance(error, InvalidConfig) else 1
    return 0


def _login(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    return user, password


if __name__ == "__main__":
    sys.exit(main())
