"""The command line as a whole: help is quick and complete, heavy libraries stay out."""

import platform
import subprocess
import sys

import click
import numpy as np
import pytest
from conftest import SAMPLES, handpose

from handpose_cli.cli import COMMANDS, cli
from handpose_cli.commands.help_sections import SECTIONS, long_name

WITHOUT_KERAS = """
import sys
for name in ("keras", "tensorflow"):
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
from handpose_cli.cli import cli
cli(sys.argv[1:])
"""


def in_new_process(code: str, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


def test_help_loads_nothing_heavy():
    code = """
import sys
from handpose_cli.cli import cli
cli(["--help"], standalone_mode=False)
print([name for name in ("numpy", "cv2", "av", "keras", "tensorflow", "rich") if name in sys.modules])
"""
    result = in_new_process(code)
    assert result.stdout.splitlines()[-1] == "[]"


def test_predict_runs_where_keras_and_tensorflow_are_missing(tmp_path):
    """An annotation-only machine has the light packages alone."""
    out = tmp_path / "out"
    options = ("-o", out, "--draw", "--format", "csv")
    result = in_new_process(WITHOUT_KERAS, "predict", SAMPLES / "open_palm_sleeve.jpg", *options)
    assert result.returncode == 0, result.stderr
    assert (out / "predictions.json").exists()
    assert (out / "predictions.csv").exists()
    assert (out / "annotated" / "open_palm_sleeve.jpg").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", SAMPLES / "open_palm_sleeve.jpg", "--engine", "keras"),
        ("train", "--data", SAMPLES, "--val", SAMPLES),
    ],
)
def test_what_needs_keras_says_so_where_it_is_missing(tmp_path, arguments):
    result = in_new_process(WITHOUT_KERAS, *arguments, "-o", tmp_path / "out")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: This needs keras, which is not installed. Install it with: pip install 'handpose-cli[train]'\n"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    for option in ("-h", "--help"):
        result = handpose(name, option)
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: cli {name}")
    command = cli.get_command(None, name)
    for parameter in command.params:
        if getattr(parameter, "opts", [""])[0].startswith("-"):
            assert getattr(parameter, "help", None), f"{name} {parameter.opts}"


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_has_one_default_in_words(name):
    options = [
        option for option in cli.get_command(click.Context(cli), name).params if isinstance(option, click.Option)
    ]
    for option in options:
        _, text = option.get_help_record(click.Context(click.Command(name), show_default=True)) or ("", "")
        assert text.count("[default") <= 1 and '""' not in text, option.name


def test_the_list_of_commands_matches_theirs():
    listed = handpose("--help").stdout
    for name, (_, line) in COMMANDS.items():
        assert f"  {name}" in listed
        assert cli.get_command(None, name).help.splitlines()[0] == line


def test_unknown_command():
    result = handpose("predikt")
    assert result.exit_code == 2
    assert "No such command 'predikt'" in result.stderr


def test_version():
    assert handpose("--version").stdout == "handpose, version 0.1.0\n"


@pytest.mark.parametrize("order", [("-v", "--version"), ("--version", "-v")])
def test_versions_for_the_report_of_a_fault(order):
    lines = handpose(*order).stdout.splitlines()
    assert lines[0] == "handpose, version 0.1.0"
    assert lines[1].startswith(f"Python {platform.python_version()}, ")
    assert f"numpy {np.__version__}" in lines


@pytest.mark.parametrize("name", SECTIONS)
def test_every_option_stands_in_one_section_of_the_help(name):
    listed = [option for options in SECTIONS[name].values() for option in options]
    command = cli.get_command(None, name)
    options = [p for p in command.get_params(click.Context(command)) if isinstance(p, click.Option)]
    assert sorted(listed) == sorted(long_name(option) for option in options)
    titles = [f"\n{title}:\n" for title in SECTIONS[name]]
    shown = handpose(name, "--help").stdout
    assert [title for title in titles if title not in shown] == []
    assert "Others:" not in shown
