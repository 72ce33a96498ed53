"""`kizu view`: how images are cut for the networks of a workspace, shown or chosen."""

import argparse
import dataclasses
from typing import get_args

from augment.cli import Command
from augment.cli.forms import LazyParser
from augment.cli.terminal import note, write_json, write_result
from augment.cli.workspaces import owned, read, workspace_of
from augment.errors import InvalidConfig, Refused
from augment.operations.views import VIEW_SETTING, current_view, enlarged_by, is_view_used
from augment.store import Store
from augment.views import Colour, View, ViewKind

__all__ = ["fill", "run"]

_CHOSEN = ("kind", "side_px", "colour", "margin")


def fill(parser: LazyParser, command: Command) -> None:
    """Add what can be chosen of a view; the sizes of masks are measured."""
    helps = {one.name: one.metadata["help"] for one in dataclasses.fields(View)}
    parser.add_argument("--kind", choices=get_args(ViewKind), help=helps["kind"])
    parser.add_argument("--side-px", type=int, metavar="N", help=helps["side_px"])
    parser.add_argument("--colour", choices=get_args(Colour), help=helps["colour"])
    parser.add_argument("--margin", type=float, metavar="X", help=helps["margin"])


def run(options: argparse.Namespace) -> int:
    """Store the view if something of it was chosen, and show it.

    Raises NotReady without images, Refused where a map or a model was already made of another view.
    """
    chosen = {name: value for name in _CHOSEN if (value := getattr(options, name)) is not None}
    if not chosen:
        with read(options) as store:
            return _show(options, store, current_view(store))
    with owned(options) as store:
        before = current_view(store)
        try:
            view = dataclasses.replace(before, **chosen)
        except InvalidConfig as error:
            options.parser.error(str(error))
        if view != before and is_view_used(store):
            raise Refused(
                f"the view of {workspace_of(options).root} is in use: its map and models were made of it. Import the "
                "images into another workspace to choose another view."
            )
        store.settings.set(VIEW_SETTING, view.to_json())
        return _show(options, store, view)


def _show(options: argparse.Namespace, store: Store, view: View) -> int:
    told = {name: getattr(view, name) for name in _CHOSEN}
    if options.json:
        write_json(told)
    else:
        write_result(told)
    enlarged = enlarged_by(view, store)
    if enlarged is not None:
        note(f"{enlarged.text}.")
    return 0
