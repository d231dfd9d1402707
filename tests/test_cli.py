import subprocess
import sys

import click
import pytest

from guide import __version__
from guide import cli as module
from guide.errors import GuideError, InputError


def _fails_with(monkeypatch, error):
    @click.command()
    def broken():
        raise error

    monkeypatch.setattr(module.LazyGroup, "get_command", lambda self, ctx, name: broken)


def test_the_version_is_printed(cli):
    assert __version__ in cli("--version").output


def test_help_names_every_command(cli):
    result = cli("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name in module.COMMANDS)


def test_an_unknown_command_is_a_usage_error(cli):
    result = cli("revue")
    assert result.exit_code == 2
    assert "revue" in result.output


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            InputError("is empty", where="idea.md", fix="Write something."),
            2,
            "guide: idea.md: is empty. Write something.",
        ),
        (GuideError("it broke"), 1, "guide: it broke."),
        (KeyboardInterrupt(), 130, "guide: interrupted"),
        (click.Abort(), 130, "guide: interrupted"),
        (OSError(28, "No space left on device", "out.jsonl"), 1, "guide: out.jsonl: No space left on device"),
    ],
)
def test_an_expected_error_is_one_line_and_a_status(cli, monkeypatch, error, status, said):
    _fails_with(monkeypatch, error)
    result = cli("review")
    assert result.exit_code == status
    assert result.output.strip() == said


def test_an_unexpected_error_keeps_its_traceback(cli, monkeypatch):
    _fails_with(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli("review")


def test_a_reader_that_goes_away_is_no_error():
    program = "import sys; from guide.cli import main; main(['--help'])"
    run = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "{sys.executable}" -c "{program}" | head -1'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0
    assert run.stderr == ""
