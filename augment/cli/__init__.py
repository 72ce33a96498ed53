"""The command line: `kizu`, the same operations that the page submits, without a page.

    kizu import | view | embed | train encoder|ddpm|dcgan|factors|redraw|lora|lora-preflight|lora-grid|base|latent|demo
    kizu generate | generate-dcgan | vary | cutmix | redraw | redraw-batch | paste-batch
    kizu read-factors | draw-factors | factor-series
    kizu propose | plan | make-plan | gate | mix-controls | review | loop
    kizu evaluate classifier|samples|demo|control|variations|factors|slider
    kizu export | regenerate | jobs | doctor | ui | demo

Options are drawn from the config dataclasses. Results go to standard output (as JSON with --json), progress and
reasons to standard error. Exit code 0: done; 1: failed or stopped, with the reason; 2: wrong usage. No command needs a
terminal.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from augment.cli.commands import COMMANDS, Command
from augment.cli.forms import LazyParser

__all__ = ["COMMANDS", "Command", "main"]

"""Every subcommand, in the order of the work."""

_GROUPS = {
    "train": "train the encoder, the generator, the re-drawing model, or the models that ship with Kizu",
    "evaluate": "judge what generators make by numbers, with judges that share nothing with them",
}


def main(given: Sequence[str] | None = None) -> int:
    """Run one command. given: the arguments without the program's name; those of the process by default.

    Returns the exit code; `--help` and wrong usage leave by SystemExit, as argparse does it.
    """
    options = _parser().parse_args(given)
    # Light, but not needed for `--help`.
    from augment.errors import KizuError
    from augment.jobs.process import share_cores

    share_cores(os.environ)
    try:
        code: int = options.run(options)
    except KizuError as error:
        sys.stderr.write(f"kizu: {error}\n")
        if options.json:
            json.dump({"error": {"kind": type(error).__name__, "text": str(error)}}, sys.stdout)
            sys.stdout.write("\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nkizu: ended\n")
        return 1
    except BrokenPipeError:
        # Whoever read the output has seen enough (`kizu review | head`); say nothing more into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> LazyParser:
    parser = LazyParser(
        prog="kizu",
        description="Turn a few photographs of a rare defect into a dataset you can defend.",
        epilog="Each command has --help with an example. `kizu ui` does all of this in the browser.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=LazyParser)
    groups = {}
    for command in COMMANDS:
        first, _, second = command.name.partition(" ")
        if second and first not in groups:
            group = commands.add_parser(first, help=_GROUPS[first], description=_sentence(_GROUPS[first]))
            groups[first] = group.add_subparsers(metavar="WHAT", required=True, parser_class=LazyParser)
        place = groups[first] if second else commands
        added = place.add_parser(
            second or first,
            help=command.help,
            description=_sentence(command.help),
            epilog=f"example: {command.example}",
        )
        added.fill_later(partial(_fill, command))
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _fill(command: Command, parser: LazyParser) -> None:
    add_common(parser)
    _resolve(command.fill)(parser, command)
    parser.set_defaults(run=_resolve(command.run), command=command, parser=parser)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes: --workspace and --json."""
    group = parser.add_argument_group("common")
    group.add_argument(
        "--workspace",
        "-w",
        type=Path,
        metavar="FOLDER",
        help="the workspace (default: $KIZU_WORKSPACE, else ./kizu-workspace)",
    )
    group.add_argument("--json", action="store_true", help="write the result to standard output as JSON")


def _resolve(place: str) -> Callable[..., int]:
    module, _, name = place.partition(":")
    found: Callable[..., int] = getattr(import_module(f"augment.cli.{module}"), name)
    return found
