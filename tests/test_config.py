"""Options from a TOML file: which win, and what is told of those that are none."""

import pytest
from conftest import handpose


@pytest.fixture
def config(tmp_path, folder, tiny_preset):
    """Write a config file for the tiny network whose batches are too large, so that nothing is trained."""

    def write(text):
        path = tmp_path / "train.toml"
        path.write_text(text.replace("FOLDER", str(folder)))
        return path

    return write


@pytest.mark.parametrize("table", ["", "[train]\n"])
def test_options_come_from_the_file_and_the_command_line_wins(config, tmp_path, table):
    path = config(f'{table}data = ["FOLDER"]\nval = ["FOLDER"]\npreset = "hourglass-lite"\nbatch-size = 500\n')
    result = handpose("train", "-o", tmp_path / "run", "--config", path)
    assert result.stderr.splitlines()[-1] == "Error: 12 hands to train on are fewer than --batch-size 500"
    result = handpose("train", "-o", tmp_path / "run", "--config", path, "--batch-size", 400)
    assert result.stderr.splitlines()[-1] == "Error: 12 hands to train on are fewer than --batch-size 400"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("batch_sise = 4", "'batch_sise' is no option of 'train'. Did you mean 'batch-size'?"),
        ('[train]\nlearning-rates = 1\n[predict]\nviews = 9', "'learning-rates' is no option of 'train'. "
         "Did you mean 'learning-rate'?"),
        ('batch-size = "many"', "Invalid value for '--batch-size': 'many' is not a valid integer range."),
        ("batch-size = ", "not a TOML file: "),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_told(config, tmp_path, text, told):
    result = handpose("train", "-o", tmp_path / "run", "--config", config(text))
    assert result.exit_code == 2
    assert told in result.stderr.replace("\n", " ")
    assert not (tmp_path / "run").exists()


def test_a_name_like_no_option_lists_them(config, tmp_path):
    result = handpose("train", "-o", tmp_path / "run", "--config", config("xyz = 1"))
    assert "'xyz' is no option of 'train'. There are: batch-size, data, data-licence, devices," in result.stderr
