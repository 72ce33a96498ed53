"""The command line as a user types it: what it says, what it leaves behind, how it ends."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from io import StringIO
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from augment.cli import COMMANDS, main
from augment.cli.forms import LazyParser, add_config, read_config
from augment.cli.terminal import ProgressLine, duration
from augment.errors import InvalidConfig
from augment.images import encode_png
from augment.jobs import JobFolder
from augment.operations import OPERATIONS
from augment.operations.views import current_view
from augment.store import JobRecord, ModelRecord, SampleRecord, Store, Workspace
from tests.jobs.operations import image

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class FormConfig:
    source: str = field(metadata={"help": "where from, 100 %"})
    count: int = field(default=8, metadata={"help": "how many"})
    rate: float = field(default=1e-3, metadata={"help": "how fast", "unit": "steps"})
    colour: Literal["grey", "rgb"] = "grey"
    labels: tuple[str, ...] = ()
    between: tuple[int, int, float] | None = None
    xy: tuple[float, float] | None = None
    keep: bool = True
    extra: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidConfig(f"count {self.count}: 1 or more is needed")


@pytest.fixture
def form() -> LazyParser:
    parser = LazyParser(prog="form")
    add_config(parser, FormConfig)
    return parser


def read(parser: LazyParser, words: str) -> FormConfig:
    config = read_config(parser, parser.parse_args(words.split()), FormConfig)
    assert isinstance(config, FormConfig)
    return config


def test_a_config_is_filled_from_arguments(form: LazyParser) -> None:
    assert read(form, "a") == FormConfig(source="a")
    words = 'a --count 3 --rate 2 --colour rgb --labels x y --between 1 2 0.5 --xy -1.5 2 --no-keep --extra {"n":1}'
    assert read(form, words) == FormConfig(
        source="a", count=3, rate=2.0, colour="rgb", labels=("x", "y"), between=(1, 2, 0.5), xy=(-1.5, 2.0), keep=False,
        extra={"n": 1},
    )  # fmt: skip


def test_presets_fill_what_is_not_given() -> None:
    from augment.operations.lora_photographs import TrainLoraConfig

    parser = LazyParser(prog="kizu")
    add_config(parser, TrainLoraConfig)
    options = parser.parse_args(["--label", "crack", "--preset", "10", "xl", "--rank", "32"])
    config = read_config(parser, options, TrainLoraConfig)
    assert (config.images_seen, config.gradient_checkpointing, config.rank) == (800, True, 32)
    with pytest.raises(SystemExit):
        parser.parse_args(["--preset", "70"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "SOURCE"),
        ("a --count x", "invalid int value: 'x'"),
        ("a --count 0", "count 0: 1 or more is needed"),
        ("a --colour blue", "'grey', 'rgb'"),
        ("a --between 1 2", "--between"),
        ("a --between 1 x 3", "between 1 x 3"),
        ("a --cou 3", "--cou"),
        ("a --extra {", "JSON is needed"),
    ],
)
def test_wrong_usage_names_the_argument_and_ends_with_2(
    form: LazyParser, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(form, words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_help_shows_text_unit_default_and_choices(form: LazyParser) -> None:
    text = " ".join(form.format_help().split())
    for part in ("where from, 100 %", "how fast, in steps (default: 0.001)", "{grey,rgb}", "--no-keep", "(default: 8)"):
        assert part in text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_an_example_and_takes_workspace_and_json(
    command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    name = command.name  # type: ignore[attr-defined]
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"example: kizu {name}" in " ".join(text.split())
    assert "--workspace" in text and "--json" in text


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_has_a_command_and_every_field_a_help_text(name: str) -> None:
    assert name in {command.operation for command in COMMANDS}
    bare = [item.name for item in fields(OPERATIONS[name].config_type) if item.init and not item.metadata.get("help")]
    assert bare == []


def test_the_examples_are_commands_that_parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example that was not kept up with the options teaches a mistake."""
    from augment.cli import _parser

    for command in COMMANDS:
        program, *words = command.example.split()
        assert program == "kizu"
        options = _parser().parse_args(words)
        assert options.command is command
        if command.operation:
            read_config(options.parser, options, OPERATIONS[command.operation].config_type)


def test_help_is_quick_and_light() -> None:
    code = (
        "import sys\nfrom augment.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'torch', 'numpy', 'gradio', 'PIL'} & set(sys.modules)\nassert not heavy, heavy"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr.decode()
    # 0.2 s on an idle machine; the tests' machine may be busy.
    assert seconds < 3.0


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = Workspace(tmp_path / "work").create()
    Store(root).close()
    return root


def kizu(*words: str, workspace: Workspace) -> int:
    return main([*words, "--workspace", str(workspace.root)])


def sample(seed: int, landing_error: float | None, label: str = "crack", distance: float = 1.0) -> SampleRecord:
    return SampleRecord(
        sha256=f"{seed:064x}", label=label, method="ddpm", seed=seed, recipe={"n": seed}, landing_error=landing_error,
        nearest_real_distance=distance, probability={"crack": 1 / seed, "free": 1 - 1 / seed},
    )  # fmt: skip


def test_the_view_is_shown_and_chosen_until_a_map_is_made_of_it(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kizu("view", workspace=workspace) == 1
    assert "import some first" in capsys.readouterr().err
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    with Store(workspace) as store:
        stored = store.files.put(encode_png(pixels))
        store.apply([dataclasses.replace(image(1, stored), width_px=60, height_px=40)])
    assert kizu("view", "--json", workspace=workspace) == 0
    assert json.loads(capsys.readouterr().out)["side_px"] == 60
    assert kizu("view", "--side-px", "64", "--colour", "grey", workspace=workspace) == 0
    told = capsys.readouterr()
    assert "side px: 64" in told.out and "1 of 1 images are smaller than 64 px" in told.err
    with pytest.raises(SystemExit) as ended:
        kizu("view", "--side-px", "47", workspace=workspace)
    assert ended.value.code == 2 and "multiple of 4" in capsys.readouterr().err
    with Store(workspace) as store:
        assert current_view(store).colour == "grey"
        store.apply([ModelRecord(kind="encoder", name="e", path="e", sha256="c" * 64, config={})])
    assert kizu("view", "--side-px", "64", workspace=workspace) == 0
    assert kizu("view", "--side-px", "48", workspace=workspace) == 1
    assert "another workspace" in capsys.readouterr().err


def test_review_from_the_command_line(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(workspace) as store:
        store.apply([image(1, "a" * 64), image(2, "b" * 64, "free")])
        store.apply(
            [sample(1, 0.5), sample(2, 3.0), sample(3, None), sample(4, 0.1, "free"), sample(5, 0.2, distance=0.01)]
        )
    filters = ("--label", "crack", "--max-landing-error", "1", "--min-real-distance", "0.1")
    assert kizu("review", "--accept-all", *filters, "--reviewer", "ann", "--json", workspace=workspace) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sample_ids"] == [1] and told["counts"] == {"candidate": 4, "accepted": 1, "rejected": 0}
    assert kizu("review", "--reject", "2", "3", "--reason", "blurred", "--reviewer", "ann", workspace=workspace) == 0
    assert "rejected: 2 (now 2 candidate, 1 accepted, 2 rejected)" in capsys.readouterr().out
    with Store(workspace) as store:
        assert [verdict.reason for verdict in store.verdicts.history(2)] == ["blurred"]
    assert kizu("review", "--undo", "2", "--reviewer", "ann", workspace=workspace) == 0
    assert kizu("review", "--status", "accepted", "--json", workspace=workspace) == 0
    listed = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert [row["id"] for row in listed] == [1]
    assert kizu("review", workspace=workspace) == 0
    shown = capsys.readouterr().out
    assert "landing error" in shown and "label probability" in shown
    assert kizu("review", "--min-label-probability", "0.4", "--json", workspace=workspace) == 0
    sure = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["label_probability"], row["taken_for"]) for row in sure] == [
        (1, 1.0, "crack"),
        (2, 0.5, "crack"),
        (4, 0.75, "free"),
    ]
    assert kizu("review", "--accept", "1", "99", workspace=workspace) == 1
    assert "sample 99" in capsys.readouterr().err
    assert kizu("review", "--undo", "--reviewer", "bob", workspace=workspace) == 1
    assert kizu("review", "--label", "crak", workspace=workspace) == 1
    assert "crack, free" in capsys.readouterr().err


def test_jobs_are_listed_shown_and_cancelled(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert kizu("jobs", workspace=workspace) == 0
    assert "no jobs yet" in capsys.readouterr().out
    with Store(workspace) as store:
        store.jobs.add(JobRecord(operation="embed", config={"seed": 3}, state="running", step=3, total=9))
        folder = JobFolder(workspace, 1).make()
        folder.log_file.write_text("first\nlast words\n")
    assert kizu("jobs", workspace=workspace) == 0
    assert "3/9" in capsys.readouterr().out
    assert kizu("jobs", "show", "1", workspace=workspace) == 0
    assert "last words" in capsys.readouterr().out
    with workspace.lock():
        # As if a page had it open: its process is asked by way of the job's folder.
        assert kizu("jobs", "cancel", "1", workspace=workspace) == 0
    assert folder.stop_asked
    capsys.readouterr()
    assert kizu("jobs", "cancel", "1", workspace=workspace) == 0
    out = capsys.readouterr()
    assert "interrupted" in out.err and "is cancelled" in out.out
    assert kizu("jobs", "show", "7", "--json", workspace=workspace) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "NotFound"
    with pytest.raises(SystemExit) as ended:
        kizu("jobs", "resume", workspace=workspace)
    assert ended.value.code == 2


def test_a_missing_or_used_workspace_is_told(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--workspace", str(workspace.root / "nowhere")]) == 1
    assert "holds no workspace" in capsys.readouterr().err
    with workspace.lock():
        assert kizu("embed", workspace=workspace) == 1
    assert f"process {os.getpid()}" in capsys.readouterr().err


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "lines"), [(StringIO(), 5), (Terminal(), 1)])
def test_progress_takes_one_line_on_a_terminal_and_one_in_5_seconds_elsewhere(stream: StringIO, lines: int) -> None:
    now = [0.0]
    line = ProgressLine("Train", lambda step, total: 75.0, stream, lambda: now[0])
    for step in range(1, 201):
        now[0] += 0.1
        line(step, 200, {"loss": 0.12345})
    line.end()
    text = stream.getvalue()
    assert text.count("\n") == lines
    assert "100 %" in text and "loss 0.1235" in text and "1 min 15 s left" in text


def test_durations_in_words() -> None:
    assert [duration(seconds) for seconds in (4.4, 75, 7500)] == ["4 s", "1 min 15 s", "2 h 5 min"]


PROGRAM = """
import sys
from dataclasses import replace
from augment import operations
from tests.jobs.operations import TEST_OPERATIONS
operations.OPERATIONS["embed"] = replace(TEST_OPERATIONS["count"], name="embed")
from augment.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The program, with an operation that counts slowly in the place of `embed`."""


def program(workspace: Workspace, words: Sequence[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM, *words, "--workspace", str(workspace.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def test_ctrl_c_checkpoints_and_says_how_to_resume(workspace: Workspace) -> None:
    with program(workspace, ["embed", "--steps", "60", "--pause-seconds", "0.05"]) as running:
        checkpoint = JobFolder(workspace, 1).path / "checkpoint"
        metrics = JobFolder(workspace, 1).metrics_file
        end = time.monotonic() + 90
        while not metrics.exists() and time.monotonic() < end:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=90)
    assert running.returncode == 1, err
    assert out == ""
    assert f"kizu jobs resume 1 --workspace {workspace.root}" in err
    assert "Traceback" not in err
    reached = int(checkpoint.read_text())
    with program(workspace, ["jobs", "resume", "1", "--json"]) as resumed:
        out, err = resumed.communicate(timeout=90)
    assert resumed.returncode == 0, err
    told = json.loads(out)
    assert told["job_id"] == 1
    assert told["result"]["began_at"] == reached and told["result"]["reached"] == 60
    assert "100 %" in err
