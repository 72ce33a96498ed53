"""`kizu doctor`, `kizu ui` and `kizu demo`: the commands about the installation rather than the work."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from augment.cli import Command
from augment.cli.forms import LazyParser
from augment.cli.terminal import write_json

__all__ = ["fill_demo", "fill_doctor", "fill_ui", "run_demo", "run_doctor", "run_ui"]


def fill_doctor(parser: LazyParser, command: Command) -> None:
    """Add the wait for the Hub."""
    parser.add_argument(
        "--hub-timeout", type=float, default=3.0, metavar="SECONDS", help="how long to wait for the Hub (%(default)s)"
    )


def run_doctor(options: argparse.Namespace) -> int:
    """Report. Returns 1 where something that is needed is missing."""
    from augment.cli.workspaces import workspace_of
    from augment.doctor import examine, render

    checks = examine(workspace_of(options).root, hub_timeout_seconds=options.hub_timeout)
    if options.json:
        write_json({"ok": all(check.level != "problem" for check in checks), "checks": checks})
    else:
        sys.stdout.write(render(checks))
    return int(any(check.level == "problem" for check in checks))


def fill_ui(parser: LazyParser, command: Command) -> None:
    """Add what `app.py` takes."""
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="N", help="port (default: the first free from 7860)")
    parser.add_argument("--auth", action="append", default=[], metavar="USER:PASSWORD", help="login; may be repeated")
    parser.add_argument("--share", action="store_true", help="open a public gradio.live address as well; needs a login")
    parser.add_argument("--demo", action="store_true", help="public demo: a temporary workspace for each visitor")


def run_ui(options: argparse.Namespace) -> int:
    """Serve the page until it is ended. Without --workspace and $KIZU_WORKSPACE, the demo workspace is opened."""
    folder = options.workspace or os.environ.get("KIZU_WORKSPACE")
    given = ["--workspace", str(folder)] if folder else []
    for name in ("host", "port"):
        if getattr(options, name) is not None:
            given += [f"--{name}", str(getattr(options, name))]
    for login in options.auth:
        given += ["--auth", login]
    given += [f"--{name}" for name in ("share", "demo") if getattr(options, name)]
    # The page stands above the command line, so it is looked up by name; only this command loads it.
    code: int = importlib.import_module("app").main(given)
    return code


def fill_demo(parser: LazyParser, command: Command) -> None:
    """The demo takes only what every command takes."""


def run_demo(options: argparse.Namespace) -> int:
    """Write the demo workspace. Raises WorkspaceError where the folder holds another one."""
    from augment.cli.workspaces import workspace_of
    from augment.operations.demo import build_demo
    from augment.store import Store

    workspace = workspace_of(options)
    with workspace.lock():
        build_demo(workspace.root)
    with Store(workspace, read_only=True) as store:
        told = {
            "workspace": str(workspace.root),
            "images": store.images.count(),
            "samples": store.samples.count(),
            "models": [model.name for model in store.models.list()],
        }
    if options.json:
        write_json(told)
    else:
        sys.stdout.write(
            f"{told['images']} images and {told['samples']} samples in {_shown(workspace.root)}\n"
            f"open it with: kizu ui --workspace {_shown(workspace.root)}\n"
        )
    return 0


def _shown(folder: Path) -> str:
    try:
        return str(folder.relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
