"""The house: an import goes down, never up."""

import ast

import pytest

from tests.engines import ROOT

FLOORS = ("wsgi", "app", "blueprints", "services", "schemas", "models")
FOLDERS = ("blueprints", "services", "schemas", "models")
ONLY_AT_THE_TOP = {"flask", "werkzeug"}
FILES = sorted(
    [*ROOT.glob("*.py"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))]
)


def imports(path):
    """Name every module a file imports, as ``package.module``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(module):
    package = module.partition(".")[0]
    return FLOORS.index(package) if package in FLOORS else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    here = floor_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for module in imports(path):
        floor = floor_of(module)
        if here is not None and floor is not None:
            assert floor >= here, f"{path.name} imports {module}, which is above it"
        if path.name in ("config.py", "environment.py"):
            assert floor is None, f"{path.name} imports {module}"
        if path.parent.name in ("services", "schemas", "models"):
            assert module.partition(".")[0] not in ONLY_AT_THE_TOP, f"{path.name}: {module}"
        if path.parent.name == "schemas":
            assert not module.startswith("sqlalchemy"), f"{path.name}: {module}"


def test_rooms_of_a_floor_do_not_form_a_circle():
    graph = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): {
            module for module in imports(path) if module.partition(".")[0] in FOLDERS
        }
        for path in FILES
    }
    for room, needs in graph.items():
        needs.discard(room)
    while leaves := [room for room, needs in graph.items() if not needs & set(graph)]:
        for room in leaves:
            del graph[room]

    assert graph == {}


@pytest.mark.parametrize("path", sorted((ROOT / "migrations" / "versions").glob("*.py")))
def test_migration_imports_none_of_ours(path):
    assert {module.partition(".")[0] for module in imports(path)} <= {
        "sqlalchemy",
        "alembic",
        "typing",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_and_functions_stay_small(path):
    text = path.read_text()
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 40
    ]

    assert text.count("\n") <= 150
    assert long == []
