"""The layers: an import goes down, never up, and every process loads only what it needs."""

import ast
import subprocess
import sys

import pytest

from tests.engines import ROOT

FLOORS = ("lifecycle", "wsgi", "app", "blueprints", "services", "schemas", "models")
FOLDERS = ("config", "blueprints", "services", "schemas", "models")
FILES = sorted(
    [
        *ROOT.glob("*.py"),
        *(ROOT / "serving").glob("*.py"),
        *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")),
    ]
)
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))

# By the longest prefix of a module's name: what the module must not import.
HTTP = ("flask", "werkzeug")
SERVERS = ("gevent", "gunicorn")
DATABASE = ("sqlalchemy", "alembic", "services.recording", "services.reading", "services.watching")
TABLES = (
    "models.database",
    *tuple(
        f"models.{path.stem}"
        for path in sorted((ROOT / "models").glob("*.py"))
        if path.stem not in ("__init__", "clock", "file_lock", "text", "vocabulary")
    ),
)
FORBIDDEN = {
    "config": (*FLOORS, "serving"),
    "blueprints": ("gunicorn",),
    "services": (*HTTP, *SERVERS),
    "services.journal": (*HTTP, *SERVERS, *DATABASE, *TABLES, "services.receiving"),
    "services.receiving": (*HTTP, *SERVERS, *DATABASE, *TABLES),
    "services.recording": (*HTTP, *SERVERS, "services.receiving", "services.reading"),
    "services.reading": (*HTTP, *SERVERS, "services.recording", "services.receiving"),
    "services.exporting": (*HTTP, *SERVERS, "services.recording", "services.receiving"),
    "services.importing": (*HTTP, *SERVERS, "services.reading"),
    "services.lists": (*HTTP, *SERVERS, "services.recording", "services.receiving"),
    "services.searching": (*HTTP, *SERVERS, "services.recording", "services.receiving"),
    "services.watching": (*HTTP, *SERVERS, "services.recording", "services.receiving"),
    "services.subjects": (*HTTP, *SERVERS, "services.recording", "services.receiving"),
    "schemas": (*HTTP, *SERVERS, "sqlalchemy", "alembic"),
    "models": (*HTTP, *SERVERS, "marshmallow"),
}
# Under gevent, a disk needs a native thread; only these modules may import them.
ALLOWED = {("services.journal.journal", "gevent.threadpool")}


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    """List every module that a file imports, anywhere in it, as ``package.module``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(module, package):
    return module == package or module.startswith(f"{package}.")


def floor_of(module):
    package = module.partition(".")[0]
    return FLOORS.index(package) if package in FLOORS else None


@each_file
def test_imports_go_down(path):
    here = floor_of(name_of(path))
    if here is None:
        return
    above = [module for module in imports(path) if (floor_of(module) or here) < here]

    assert above == []


def test_every_package_has_a_floor():
    known = {*FLOORS, "config", "gunicorn", "serving"}

    assert {name_of(path).partition(".")[0] for path in FILES} <= known


def forbidden_to(name):
    """What a module must not import, by the most specific rule for it."""
    rules = [package for package in FORBIDDEN if is_within(name, package)]
    return FORBIDDEN[max(rules, key=len)] if rules else ()


@each_file
def test_rooms_keep_to_what_is_theirs(path):
    name = name_of(path)
    found = [
        module
        for module in imports(path)
        if any(is_within(module, package) for package in forbidden_to(name))
        and not any(name == one and is_within(module, what) for one, what in ALLOWED)
    ]

    assert found == []


def test_rules_are_not_blind():
    """Each rule is for an existing room, and forbids an existing module."""
    names = {name_of(path) for path in FILES}
    for package in FORBIDDEN:
        assert any(is_within(name, package) for name in names)
    for package in {one for rule in FORBIDDEN.values() for one in rule} - {*HTTP, *SERVERS}:
        ours = package.partition(".")[0] in {*FOLDERS, "wsgi", "app", "serving"}
        assert not ours or any(is_within(name, package) for name in names)
    assert forbidden_to("services.journal.journal") == FORBIDDEN["services.journal"]
    assert "models.database" in FORBIDDEN["services.receiving"]


@each_file
def test_nothing_of_gunicorn_is_imported(path):
    assert [module for module in imports(path) if is_within(module, "gunicorn")] == []


def test_modules_do_not_form_a_circle():
    graph = {
        name_of(path): {module for module in imports(path) if module.partition(".")[0] in FOLDERS}
        for path in FILES
    }
    for name, needs in graph.items():
        needs.discard(name)
    while leaves := [name for name, needs in graph.items() if not needs & set(graph)]:
        for name in leaves:
            del graph[name]

    assert graph == {}


def room_of(module):
    return ".".join(module.split(".")[:2])


def test_rooms_of_services_do_not_form_a_circle():
    graph = {}
    for path in FILES:
        name = name_of(path)
        if name.count(".") == 2 and name.startswith("services."):
            needs = {room_of(one) for one in imports(path) if one.startswith("services.")}
            graph.setdefault(room_of(name), set()).update(needs - {room_of(name)})
    while leaves := [room for room, needs in graph.items() if not needs & set(graph)]:
        for room in leaves:
            del graph[room]

    assert graph == {}


@pytest.mark.parametrize("path", sorted((ROOT / "migrations" / "versions").glob("*.py")))
def test_migration_imports_none_of_ours(path):
    assert {module.partition(".")[0] for module in imports(path)} <= {
        "sqlalchemy",
        "alembic",
        "datetime",
        "typing",
    }


@each_file
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = [one.name for one in functions if one.end_lineno - one.lineno + 1 > 40]

    assert len(text.splitlines()) <= 310  # some 300
    assert long == []


@pytest.mark.parametrize(
    "folder",
    sorted({path.parent for path in FILES}),
    ids=lambda folder: str(folder.relative_to(ROOT)),
)
def test_folders_stay_small(folder):
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 12


def run_python(folder, *arguments):
    """Run a process that has the settings of a receiver; return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "SDK_APPS": "1:token",
            "JOURNAL_DIR": str(folder / "journal"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(name):
    """Return the modules that a process loads to serve one app of ``wsgi``."""
    return f"""
import sys
import wsgi
app = wsgi.{name}
app.test_client().get("/healthz")
print(*sys.modules)
if "receiver" in app.extensions:
    app.extensions["receiver"].close()
"""


@pytest.mark.parametrize("settings", ["serving/receiver.py", "gunicorn.conf.py"])
def test_settings_of_gunicorn_load_nothing_that_gevent_has_to_patch_first(tmp_path, settings):
    """A lock that was imported before a worker patches locks would block its event loop."""
    script = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    done = run_python(tmp_path, "-c", script, str(ROOT / settings))

    assert "services.journal.journal" not in done.split()
    assert "services.receiving.receiver" not in done.split()


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("receiver", ("sqlalchemy", "alembic", "apispec", "models.database", "models.tables")),
        (
            "receiver",
            ("services.reading", "services.subjects", "services.exporting", "services.recording"),
        ),
        ("receiver", ("services.operating", "blueprints.api", "blueprints.console")),
        ("reader", ("services.recording", "services.receiving", "blueprints.callbacks")),
    ],
)
def test_process_loads_nothing_of_the_others(tmp_path, name, foreign):
    found = run_python(tmp_path, "-c", loaded_by(name)).split()
    assert f"blueprints.{'callbacks' if name == 'receiver' else 'api'}" in found
    assert [one for one in found if any(is_within(one, what) for what in foreign)] == []
