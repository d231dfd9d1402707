"""Rules for the project as a whole: who imports whom, how long a module may be, what no file may name."""

from __future__ import annotations

import ast
import graphlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import guide

grimp = pytest.importorskip("grimp", reason="import-linter is not installed: make test-all brings it")

ROOT = Path(__file__).resolve().parents[1]
LINKS = {"corpus": "../corpus", "prompts": "../prompts", "eval": "../eval", "cli.py": "../cli.py"}

MAX_LINES = 400
# Modules that may be longer, each with the reason: {"guide/example.py": 450}.
LONGER: dict[str, int] = {}

# Packages that hand out what their modules make; the one asked for is imported inside that function.
FACTORIES = {"guide.engines"}

_NOT_OURS = {
    ".git",
    ".venv",
    ".venv-ci",
    "__pycache__",
    "dist",
    "build",
    "work",
    ".hypothesis",
    "node_modules",
}


def _modules() -> list[Path]:
    """Every module of the package, at its real place."""
    folders = [ROOT / name for name in ("guide", "corpus", "eval", "prompts")]
    found = [path for folder in folders for path in folder.rglob("*.py") if "__pycache__" not in path.parts]
    # rglob enters no linked folder, but a linked file is listed.
    return [ROOT / "cli.py", *sorted(path for path in found if not path.is_symlink())]


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _project_files() -> Iterator[Path]:
    """What git holds or would add; outside a clone, everything that is no environment or cache."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = []
        for folder, below, names in os.walk(ROOT):
            below[:] = [name for name in below if name not in _NOT_OURS and not name.endswith("_cache")]
            paths += [Path(folder, name) for name in names]
    return (path for path in paths if path.is_file() and not path.is_symlink())


@pytest.mark.parametrize(("name", "target"), LINKS.items())
def test_guide_reaches_its_sibling_folders_through_relative_links(name: str, target: str) -> None:
    link = ROOT / "guide" / name
    if not (ROOT / target.removeprefix("../")).exists():
        pytest.skip("an unpacked sdist has no links")
    assert link.is_symlink()
    assert link.readlink() == Path(target)


def test_the_import_contracts_hold() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    checked = subprocess.run([tool, "--no-cache", "--no-logo"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph("guide", cache_dir=None)
    imports = {
        name: {
            imported
            for imported in graph.find_modules_directly_imported_by(name)
            if not (name in FACTORIES and imported.startswith(f"{name}."))
        }
        for name in graph.modules
    }
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """The line and name of every module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def test_the_package_is_only_imported_by_its_full_name() -> None:
    others = [path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    found = [
        f"{_shown(path)}:{line}: {name}"
        for path in [*_modules(), *others]
        for line, name in _imports(path)
        if name.startswith(".") or name.split(".")[0] in {"corpus", "eval", "prompts", "cli"}
    ]
    assert not found, "write `from guide.corpus ...`:\n" + "\n".join(found)


def test_every_package_that_guide_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    # Whatever only the tests are given must not be needed to run.
    declared = [
        *project["dependencies"],
        *(line for name in extras if name != "dev" for line in extras[name]),
    ]
    names = {canonicalize_name(Requirement(line).name) for line in declared}
    providers = metadata.packages_distributions()
    undeclared = []
    for path in _modules():
        for line, imported in _imports(path):
            top = imported.split(".")[0]
            if top == "guide" or top in sys.stdlib_module_names:
                continue
            found = {canonicalize_name(name) for name in providers.get(top, [top])}
            if not found & names:
                undeclared.append(f"{_shown(path)}:{line}: {top} (from {', '.join(sorted(found))})")
    assert not undeclared, "\n".join(undeclared)


@pytest.mark.parametrize("path", _modules(), ids=_shown)
def test_a_module_says_what_it_is_for_and_is_not_too_long(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    purpose = ast.get_docstring(ast.parse(text))
    assert purpose, f"{_shown(path)} has no docstring"
    assert purpose.strip(), f"{_shown(path)} has an empty docstring"
    limit = LONGER.get(_shown(path), MAX_LINES)
    lines = len(text.splitlines())
    assert lines <= limit, f"{_shown(path)} has {lines} lines, its limit is {limit}"


def test_no_module_keeps_a_longer_limit_than_it_needs() -> None:
    unneeded = [name for name in LONGER if len((ROOT / name).read_text().splitlines()) <= MAX_LINES]
    assert not unneeded


def test_what_guide_offers_fits_in_one_glance() -> None:
    assert len(guide.__all__) <= 12
    assert all(hasattr(guide, name) for name in guide.__all__)


def test_no_file_names_a_place_on_one_machine_or_the_host_of_a_package_index() -> None:
    # Put together here, so that this file does not name them either.
    folders = b"|".join([b"work", b"tmp", b"root", b"home", b"opt", b"Users"])
    places = rb"(?<![\w.~})\-/])/(?:" + folders + rb")/"
    hosts = [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("download.pytorch", "org"),
        ("anaconda", "org"),
        ("conda", "io"),
        ("deb.debian", "org"),
    ]
    hosted = "|".join(re.escape(f"{name}.{end}") for name, end in hosts).encode()
    pattern = re.compile(places + b"|" + hosted)
    found = [
        f"{_shown(path)}: {match[0].decode()}"
        for path in _project_files()
        for match in pattern.finditer(path.read_bytes())
    ]
    assert not found, "\n".join(sorted(set(found)))


def test_no_dependency_binds_its_users_to_the_agpl() -> None:
    bound = []
    for distribution in metadata.distributions():
        fields = distribution.metadata
        # The License field may hold a whole text, in which others are mentioned: its first line names it.
        claims = [
            fields.get("License-Expression") or "",
            *(fields.get("License") or "").splitlines()[:1],
            *(fields.get_all("Classifier") or []),
        ]
        name = fields["Name"]
        if name.lower() in {"pymupdf", "fitz"} or any(re.search("AGPL|Affero", claim) for claim in claims):
            bound.append(name)
    assert not bound
