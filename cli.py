"""The command line: the group `guide`, its subcommands imported only when called, and errors as one line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from guide import __version__
from guide.errors import GuideError

COMMANDS = {
    "review": "guide.commands.review:review",
    "watch": "guide.commands.watch:watch",
    "read": "guide.commands.read:read",
    "score": "guide.commands.score:score",
    "replay": "guide.commands.replay:replay",
    "replay-advice": "guide.commands.replay_advice:replay_advice",
    "report": "guide.commands.report:report",
    "corpus": "guide.commands.corpus:corpus",
    "distill": "guide.commands.distill:distill",
    "calibrate": "guide.commands.calibrate:calibrate",
    "compare-models": "guide.commands.compare_models:compare_models",
    "doctor": "guide.commands.doctor:doctor",
}


class LazyGroup(click.Group):
    """A group whose commands are named by `module:attribute` and imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is not a command")
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="First steps:  guide review examples/idea.md",
)
@click.version_option(__version__, prog_name="guide")
def guide() -> None:
    """Advice for research ideas: the closest prior work, a calibrated chance of acceptance, and how far to trust it.

    guide advises authors before they submit. It is not for reviewing other people's submissions.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 or 2 an error the user can mend, 130 interrupted."""
    try:
        # Outside standalone mode click returns the status of --help and ctx.exit() instead of raising it.
        status = guide.main(args=arguments, prog_name="guide", standalone_mode=False)
    except GuideError as error:
        _fail(str(error), error.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output (head, say) has gone; Python would complain again while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _fail(f"{error.filename or 'input/output'}: {error.strerror or error}", 1)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    click.echo(f"guide: {message}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
