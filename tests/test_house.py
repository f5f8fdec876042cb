"""The rooms of the package: which may import which, as `handpose_cli/README.md` has it, and what its pages promise."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click import Command, Option
from conftest import SAMPLES

import handpose_cli
from handpose_cli.cli import COMMANDS, cli
from handpose_cli.formats import FORMATS

PACKAGE = Path(handpose_cli.__file__).parent
HOUSE = (PACKAGE / "README.md").read_text(encoding="utf-8")
# from the ground up; a room imports from its own floor's line no other room, and from those below it whatever it needs
FLOORS = [line.split("|")[1].split() for line in HOUSE.splitlines() if re.match(r"\| (?!rooms)[a-z_`]+", line)]


def room_of(module: str) -> str:
    """Return the room of a module `handpose_cli.room.rest`, or of a file that stands by itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path: Path) -> set[str]:
    """Return the package's modules that a file imports when it is run; not those for type checkers alone."""
    found: set[str] = set()

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("handpose_cli"):
            found.update(
                f"{node.module}.{name.name}" if node.module == "handpose_cli" else node.module for name in node.names
            )
        elif isinstance(node, ast.Import):
            found.update(name.name for name in node.names if name.name.startswith("handpose_cli"))
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(path.read_text(encoding="utf-8")))
    return found


def rooms() -> dict[str, set[str]]:
    """Return by room the rooms that it imports from."""
    graph: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(("handpose_cli", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        room = room_of(module)
        targets = {room_of(name) for name in imported(path)} - {room}
        graph.setdefault(room, set()).update(targets)
    return graph


def test_every_room_is_on_a_floor():
    named = {room.strip("`") for floor in FLOORS for room in floor}
    assert named == set(rooms()) - {"__init__", "__main__"}


def test_no_import_runs_up():
    height = {room.strip("`"): number for number, floor in enumerate(reversed(FLOORS)) for room in floor}
    wrong = [
        f"{room} imports {target}"
        for room, targets in rooms().items()
        for target in targets
        if room in height and target in height and height[target] >= height[room]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("room", "never"), [("annotator", "handpose_cli.engine.keras"), ("annotator", "handpose_cli.networks")]
)
def test_what_a_room_never_imports(room, never):
    modules = list((PACKAGE / room).rglob("*.py"))
    assert modules
    for path in modules:
        assert not any(name.startswith(never) for name in imported(path)), path


def test_the_commands_import_nothing_heavy_when_they_are_loaded():
    heavy = "import sys; print({'cv2', 'av', 'keras', 'tensorflow', 'matplotlib'} & set(sys.modules) or 'nothing')"
    for module, _ in COMMANDS.values():
        code = f"import handpose_cli.commands.{module}; {heavy}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "nothing\n", module


def test_files_are_small():
    long = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if path.read_text().count("\n") > 300}
    assert long == set()


def commands() -> dict[str, Command]:
    return {name: cli.get_command(None, name) for name in COMMANDS}  # type: ignore[arg-type]


def test_every_option_has_its_help_and_every_command_its_exit_codes():
    for name, command in commands().items():
        exit_codes = (command.help or "").partition("Exit codes:")[2]
        assert "2 wrong usage" in exit_codes and "130 interrupted" in exit_codes, name
        for option in command.params:
            if isinstance(option, Option) and "--help" not in option.opts:
                assert option.help, f"{name} {option.opts}"


def test_every_format_stands_in_the_readme():
    readme = (SAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"`{name}`" not in readme] == []


def test_every_command_stands_in_the_readme():
    readme = (SAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"handpose {name}" not in readme] == []
