"""Completion in the shell: its script, commands, options and their values."""

import os
import subprocess
import sys

import pytest

from handpose_cli.cli import COMMANDS


def complete(what: str, **variables: str) -> str:
    """Return what the shell gets from the command when it asks."""
    environment = {**os.environ, "_HANDPOSE_COMPLETE": what, **variables}
    code = "from handpose_cli.cli import cli; cli(prog_name='handpose')"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "complete -o nosort -F _handpose_completion handpose"),
        ("zsh", "compdef _handpose_completion handpose"),
        ("fish", 'complete --no-files --command handpose --arguments "(_handpose_completion)"'),
    ],
)
def test_each_shell_gets_its_script(shell, line):
    assert line in complete(f"{shell}_source")


@pytest.mark.parametrize(
    ("typed", "word", "offered"),
    [
        ("handpose", 1, list(COMMANDS)),
        ("handpose tr", 1, ["train"]),
        ("handpose train --batch", 2, ["--batch-size"]),
        ("handpose evaluate --norm p", 3, ["palm", "px"]),
        ("handpose convert-labels --to coco", 3, ["coco", "coco-results"]),
    ],
)
def test_commands_options_and_values_are_offered(typed, word, offered):
    answer = complete("bash_complete", COMP_WORDS=typed, COMP_CWORD=str(word))
    assert answer.splitlines() == [f"plain,{name}" for name in offered]
