"""Where options come from: command line, environment, TOML file, in this order; and what is told of wrong values."""

import json

import click
import pytest
from click.testing import CliRunner
from conftest import SAMPLES, handpose

from handpose_cli.commands.option_types import TimeType
from handpose_cli.commands.options import ValueOption, config_option


@pytest.fixture
def config(tmp_path, folder, tiny_preset):
    """Write a config file for the tiny network whose batches are too large, so that nothing is trained."""

    def write(text):
        path = tmp_path / "train.toml"
        path.write_text(text.replace("FOLDER", str(folder)))
        return path

    return write


def last_line(result) -> str:
    return result.stderr.splitlines()[-1]


DATA = 'data = ["FOLDER"]\nval = "FOLDER"\npreset = "hourglass-lite"\n'

TOO_LARGE = "Error: 12 hands to train on are fewer than a batch of {}. Choose a smaller --batch-size"


@pytest.mark.parametrize("table", ["", "[train]\n"])
def test_the_file_yields_to_the_environment_and_both_to_the_command_line(config, tmp_path, table):
    path = config(f"{table}{DATA}batch-size = 500\n")
    call, too_large = ("train", "-o", tmp_path / "run"), TOO_LARGE
    variables = {"HANDPOSE_TRAIN_BATCH_SIZE": "450"}
    assert last_line(handpose(*call, "--config", path)) == too_large.format(500)
    assert last_line(handpose(*call, "--config", path, env=variables)) == too_large.format(450)
    assert last_line(handpose(*call, "--config", path, "--batch-size", 400, env=variables)) == too_large.format(400)
    variables["HANDPOSE_TRAIN_CONFIG"] = str(path)
    assert last_line(handpose(*call, "--batch-size", 400, env=variables)) == too_large.format(400)


def test_variables_have_the_options_long_names(config, tmp_path, folder):
    variables = {"HANDPOSE_TRAIN_OUTPUT": str(tmp_path / "run"), "HANDPOSE_TRAIN_DATA": str(folder)}
    result = handpose("train", "--val", folder, "--config", config("batch-size = 500"), env=variables)
    assert last_line(result) == TOO_LARGE.format(500)


def test_evaluate_and_convert_labels_have_it_too(tmp_path):
    path = tmp_path / "both.toml"
    path.write_text(
        f'[evaluate]\nlabels = "{SAMPLES}"\npredictions = "{SAMPLES}"\nnorm = ["palm", "px"]\njson = true\n'
        '[convert-labels]\nto = "csv"\ndry-run = true\n'
    )
    result = handpose("evaluate", "--config", path)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["settings"]["norms"] == ["palm", "px"]
    result = handpose("evaluate", "--config", path, env={"HANDPOSE_EVALUATE_NORM": "bbox palm"})
    assert json.loads(result.stdout)["settings"]["norms"] == ["bbox", "palm"]
    result = handpose("evaluate", "--config", path, "--norm", "px", env={"HANDPOSE_EVALUATE_NORM": "bbox palm"})
    assert json.loads(result.stdout)["settings"]["norms"] == ["px"]
    result = handpose("evaluate", "--config", path, env={"HANDPOSE_EVALUATE_WEIGHTS": "hourglass-lite"})
    assert "Give either --predictions or --weights." in result.stderr
    result = handpose("evaluate", "--labels", SAMPLES, "--predictions", SAMPLES, "--json",
                      env={"HANDPOSE_EVALUATE_WEIGHTS": "hourglass-lite"})  # fmt: skip
    assert json.loads(result.stdout)["predictions"]["format"] == "label-list"
    result = handpose("convert-labels", SAMPLES, "--config", path)
    assert result.stderr.startswith("84 images, 84 hands, from label-list to csv, nothing written (--dry-run)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("batch_sise = 4", "'batch_sise' is no option of 'train'. Did you mean 'batch-size'?"),
        ("[train]\nlearning-rates = 1\n[predict]\nviews = 9",
         "'learning-rates' is no option of 'train'. Did you mean 'learning-rate'?"),
        ("[trane]\nepochs = 3", "[trane] is no command. Did you mean 'train'?"),
        ("epochs = 0\n[train]\nseed = 1", "epochs: 0 is not in the range x>=1."),
        ('batch-size = "many"', "batch-size: 'many' is not a valid integer range."),
        ("batch_size = 4.5", "batch_size: '4.5' is not a valid integer range."),
        ("val-split = 1.5", "val-split: 1.5 is not in the range 0<x<1."),
        ("ema = nan", "ema: nan is no value of this option"),
        ("epochs = [3]", "epochs: one value is needed, not a list"),
        ("epochs = true", "epochs: true is no value of this option"),
        ('resume = "no"', "resume: true or false is needed, not 'no'"),
        ('preset = "hourglass"',
         "preset: 'hourglass' is not one of 'hourglass-8', 'hourglass-2', "
         "'hourglass-lite', 'hourglass-wide', 'ssd-palm', 'ssd-hand'."),
        ("stage = 'head:1:1'", "stage: 'head:1:1' is no stage: give LEARNS:EPOCHS:RATE, such as decoder:4:0.0015, with "
         "LEARNS one of decoder, stride16, all."),
        ("[train.data]\na = 1", "data: a table is no value of this option"),
        ("batch-size = ", "not a TOML file: Invalid value (at end of document)"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_told_in_one_line(config, tmp_path, text, told):
    path = config(text)
    result = handpose("train", "-o", tmp_path / "run", "--config", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert last_line(result) == f"Error: Invalid value for '--config': {path}: {told}"
    assert not (tmp_path / "run").exists()


def test_a_name_like_no_option_lists_them(config, tmp_path):
    result = handpose("train", "-o", tmp_path / "run", "--config", config("xyz = 1"))
    assert "'xyz' is no option of 'train'. There are: batch-size, class, data, data-licence, devices," in result.stderr


# === every kind of option ===


@click.command("kinds")
@click.option("--size", type=(int, str))
@click.option("--point", type=float, nargs=2, multiple=True)
@click.option("--name", "names", multiple=True)
@click.option("--views", type=click.Choice([1, 2, 4]), default=4)
@click.option("--draw/--plain", default=False)
@click.option("--smooth", cls=ValueOption, type=click.Choice(["a", "b"]), is_flag=False, flag_value="b")
@click.option("--start", type=TimeType())
@click.option("-v", "--verbose", count=True)
@config_option
def kinds(**options):
    click.echo(sorted((name, value) for name, value in options.items() if value))


def call_kinds(tmp_path, text: str, *arguments: str, **variables: str) -> str:
    """Return what a command with every kind of option gets, or the last line of what it tells."""
    path = tmp_path / "kinds.toml"
    path.write_text(text)
    group = click.Group(commands=[kinds], context_settings={"auto_envvar_prefix": "HANDPOSE"})
    result = CliRunner().invoke(group, ["kinds", "--config", str(path), *arguments], env=variables)
    return result.output.strip().splitlines()[-1].removeprefix(f"Error: Invalid value for '--config': {path}: ")


@pytest.mark.parametrize(
    ("text", "gets"),
    [
        ('size = [3, "cm"]', "[('size', (3, 'cm')), ('views', 4)]"),
        ("point = [[1, 2], [0.5, 1e-9]]", "[('point', ((1.0, 2.0), (0.5, 1e-09))), ('views', 4)]"),
        ('name = "a b"', "[('names', ('a b',)), ('views', 4)]"),
        ("name = []\nviews = 2", "[('views', 2)]"),
        ("draw = true\nviews = 1\nverbose = 2", "[('draw', True), ('verbose', 2), ('views', 1)]"),
        ("smooth = true\nstart = 00:01:30", "[('smooth', 'b'), ('start', 90.0), ('views', 4)]"),
        ('views = 1\n[kinds]\nviews = 2\nsmooth = "a"', "[('smooth', 'a'), ('views', 2)]"),
        ('size = "3 cm"', "size: a list is needed"),
        ('size = [3.5, "cm"]', "size: '3.5' is not a valid integer."),
        ("point = [1, 2]", "point: a list of lists is needed"),
        ("point = [[1, 2, 3]]", "point: Takes 2 values but 3 were given."),
        ("smooth = false", "smooth: false is no value of this option"),
        ("views = 3", "views: '3' is not one of '1', '2', '4'."),
        ("draw = 1", "draw: true or false is needed, not 1"),
        ("names = 'a'", "'names' is no option of 'kinds'. Did you mean 'name'?"),
        ("config = 'other.toml'", "'config' is no option of 'kinds'. There are: "
         "draw, name, point, size, smooth, start, verbose, views."),
    ],
)  # fmt: skip
def test_every_kind_of_option(tmp_path, text, gets):
    assert call_kinds(tmp_path, text) == gets


@pytest.mark.parametrize(
    ("value", "gets"),
    [("1", "('smooth', 'b'), "), ("true", "('smooth', 'b'), "), ("a", "('smooth', 'a'), "), ("0", ""), ("", "")],
)
def test_a_variable_s_1_is_the_value_of_an_option_that_needs_none(tmp_path, value, gets):
    assert call_kinds(tmp_path, "", HANDPOSE_KINDS_SMOOTH=value) == f"[{gets}('views', 4)]"


def test_precedence_for_several_values_and_flags(tmp_path):
    text = 'name = ["file"]\ndraw = true\npoint = [[1, 2]]'
    variables = {"HANDPOSE_KINDS_NAME": "a b", "HANDPOSE_KINDS_DRAW": "0", "HANDPOSE_KINDS_POINT": "3 4 5 6"}
    assert call_kinds(tmp_path, text, **variables) == (
        "[('names', ('a', 'b')), ('point', ((3.0, 4.0), (5.0, 6.0))), ('views', 4)]"
    )
    assert call_kinds(tmp_path, text, "--name", "c", "--draw", **variables) == (
        "[('draw', True), ('names', ('c',)), ('point', ((3.0, 4.0), (5.0, 6.0))), ('views', 4)]"
    )
    assert call_kinds(tmp_path, text, "--plain") == "[('names', ('file',)), ('point', ((1.0, 2.0),)), ('views', 4)]"


def test_merge_has_it_too(tmp_path):
    run, path = tmp_path / "run", tmp_path / "merge.toml"
    assert handpose("predict", SAMPLES / "no_hand.jpg", "-o", run, "--detector", "whole-image").exit_code == 0
    path.write_text(f'[merge]\noutput = "{tmp_path / "out"}"\nformat = ["csv"]\n[predict]\nviews = 1\n')
    done = handpose("merge", run, "--config", path)
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "out" / "predictions.csv").exists()
    path.write_text("views = 1\n")
    assert last_line(handpose("merge", run, "-o", tmp_path / "out", "--config", path)) == (
        f"Error: Invalid value for '--config': {path}: 'views' is no option of 'merge'. There are: format, output, "
        "overwrite, quiet."
    )
