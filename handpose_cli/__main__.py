"""`python -m handpose_cli`: the `handpose` command."""

from handpose_cli.cli import cli

if __name__ == "__main__":
    cli(prog_name="handpose")
