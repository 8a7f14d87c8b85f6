"""A release by one command, on a clone whose checks have passed."""

import os
import re
import shutil
import subprocess

import pytest

from tests.engines import ROOT

PROGRAMS = ("bash", "cat", "date", "dirname", "git", "grep", "sed")  # builds no image
NEWS = "## 7.0.0 (unreleased)\n\n### Read\n\n- Faster.\n\n"
IDENTITY = {
    f"GIT_{role}_{part}": "tester@example.com"
    for role in ("AUTHOR", "COMMITTER")
    for part in ("NAME", "EMAIL")
}


@pytest.fixture
def git(tmp_path):
    """Run git in a clone that is on main and has the files of this tree."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no repository")
    clone = tmp_path / "clone"

    def git(*arguments):
        command = ["git", "-C", clone, *arguments]
        done = subprocess.run(command, env=os.environ | IDENTITY, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    subprocess.run(["git", "clone", "-q", "--no-tags", ROOT, clone], check=True)
    git("checkout", "-q", "-B", "main")
    for file in (".ci/release", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, clone / file)
    changelog = (ROOT / "CHANGELOG.md").read_text().replace("\n## ", f"\n{NEWS}## ", 1)
    (clone / "CHANGELOG.md").write_text(changelog)
    git("add", "-A")
    git("commit", "-q", "-m", "What is to be released")
    (clone / "var").mkdir()
    (clone / "var" / "passed").write_text(git("rev-parse", "HEAD^{tree}"))
    return git


@pytest.fixture
def release(tmp_path, git):
    """Release a version; return the exit code and what is said."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(shutil.which(name))

    def release(version, **environment):
        done = subprocess.run(
            [tmp_path / "clone" / ".ci" / "release", version],
            env=IDENTITY | {"PATH": str(programs)} | environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    return release


def test_release_is_dated_and_tagged(git, release):
    code, said = release("7.0.0")

    assert code == 0, said
    assert git("status", "--porcelain") == ""
    assert git("cat-file", "-t", "v7.0.0") == "tag"
    assert git("log", "-1", "--format=%D %s") == "HEAD -> main, tag: v7.0.0 Release 7.0.0"
    assert git("tag", "-l", "--format=%(contents)") == "Release 7.0.0\n\n### Read\n\n- Faster."
    assert re.search(r"^## 7\.0\.0 \(\d{4}-\d\d-\d\d\)$", git("show", "HEAD:CHANGELOG.md"), re.M)


def test_release_has_its_version_wherever_one_stands(git, release):
    release("7.0.0")

    lines = git("grep", "-hE", "^version = |chat-lifecycle-log:[0-9]", "HEAD")
    assert len(lines.splitlines()) == 4
    assert all("7.0.0" in line for line in lines.splitlines())


def test_dry_run_shows_the_change_and_leaves_none(git, release):
    head = git("rev-parse", "HEAD")
    code, said = release("7.0.0", DRY_RUN="1")

    assert code == 0, said
    assert "+## 7.0.0 (2" in said
    assert (git("rev-parse", "HEAD"), git("status", "--porcelain"), git("tag")) == (head, "", "")


@pytest.mark.parametrize(
    ("version", "prepare", "reason"),
    [
        ("7.0", (), "name a version, such as 0.1.0"),
        ("8.0.0", (), "CHANGELOG.md has no heading '## 8.0.0 (unreleased)'"),
        ("7.0.0", ("checkout", "-qb", "other"), "this is not main"),
        ("7.0.0", ("rm", "-q", "README.md"), "something is not committed"),
        ("7.0.0", ("tag", "v7.0.0"), "v7.0.0 exists"),
    ],
)
def test_what_can_not_be_released_is_refused(git, release, version, prepare, reason):
    if prepare:
        git(*prepare)

    assert release(version) == (1, f"not released: {reason}\n")


def test_main_whose_checks_fail_is_not_released(tmp_path, git, release):
    """They fail here, as their first program is missing."""
    (tmp_path / "clone" / "var" / "passed").unlink()
    code, _ = release("7.0.0")

    assert (code != 0, git("tag"), git("status", "--porcelain")) == (True, "", "")
