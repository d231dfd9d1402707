import re
from pathlib import Path

import click
import pytest

from guide.cli import guide
from guide.review import review_schema

ROOT = Path(__file__).parent.parent
MANUAL = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def _commands(group, path=("guide",)):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


COMMANDS = dict(_commands(guide))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_manual_names_every_command(path):
    assert " ".join(path) in MANUAL


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_manual_names_every_option(path):
    for option in COMMANDS[path].params:
        if isinstance(option, click.Option) and option.name != "help":
            assert option.opts[0] in MANUAL, option.opts


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_a_runnable_example(path):
    command = COMMANDS[path]
    assert command.help and len(command.help) > 30
    assert f"guide {' '.join(path[1:])}" in (command.epilog or "")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_that_prints_can_print_json(path):
    command = COMMANDS[path]
    if not isinstance(command, click.Group):
        assert any("--json" in option.opts for option in command.params)


def _examples():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for line in page.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\s{4}(?:\$ )?guide (.+)", line):
                yield page.name, match[1]


@pytest.mark.parametrize(("page", "line"), sorted(set(_examples())))
def test_every_example_in_the_documentation_uses_commands_and_options_that_exist(page, line):
    words = line.split("#")[0].split()
    command: click.Command = guide
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        if found is None and hasattr(command, "fallback"):
            found, words = command.get_command(click.Context(command), command.fallback), ["", *words]
        if words[0].startswith("-"):
            return
        assert found is not None, f"{page}: no command {words[0]!r}"
        command, words = found, words[1:]
    known = {flag for option in command.params for flag in option.opts} | {"--help"}
    used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= known, f"{page}: {used - known}"


def test_the_published_schema_is_the_programs():
    published = (ROOT / "docs" / "review.schema.json").read_text(encoding="utf-8")
    assert published == review_schema(), "write it anew: python -m guide.review > docs/review.schema.json"


def test_links_in_the_documentation_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
