"""What the tests share: the samples, a way to call the tool, and one run over the samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from handpose_cli.quiet import set_up_libraries

set_up_libraries()  # before TensorFlow is imported, as in the command's own process

settings.register_profile("any machine", deadline=None)  # a busy one is slow
settings.load_profile("any machine")

SAMPLES = Path(__file__).parent.parent / "samples"


def handpose(*arguments: object, **kwargs) -> Result:
    """Call the command line in this process; a traceback fails the test."""
    from handpose_cli.cli import cli

    result = CliRunner().invoke(cli, [str(a) for a in arguments], **kwargs)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def read_results(folder: Path) -> dict:
    """Return a run's `predictions.json`."""
    return json.loads((folder / "predictions.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def samples_run(tmp_path_factory) -> tuple[Path, Result]:
    """The samples annotated with everything on: the output folder and the call's result."""
    out = tmp_path_factory.mktemp("samples") / "out"
    return out, handpose("predict", SAMPLES, "-o", out, "--draw", "--format", "csv")


@pytest.fixture(scope="module")
def finished(request, inputs, tmp_path_factory) -> Path:
    """The output of an undisturbed run on a module's own `inputs`, of which some are damaged, with its `EVERYTHING`."""
    out = tmp_path_factory.mktemp("finished") / "out"
    assert handpose("predict", inputs, "-o", out, *request.module.EVERYTHING).exit_code == 3
    return out


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A small training folder."""
    from tiny_training import write_training_folder

    folder = tmp_path_factory.mktemp("data")
    write_training_folder(folder)
    return folder


@pytest.fixture
def tiny_preset(monkeypatch) -> None:
    """A tiny network in place of hourglass-lite, exported after few crops."""
    from tiny_training import TINY

    from handpose_cli.networks.hourglass import presets
    from handpose_cli.training.delivery import deliver

    monkeypatch.setattr(deliver, "CALIBRATION_CROPS", 8)
    monkeypatch.setitem(presets.PRESETS, "hourglass-lite", TINY)
