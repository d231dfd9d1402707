"""`guide watch`: review a file again at each save, and say what the save changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guide.commands.options import engine_options, json_option, venue_option

if TYPE_CHECKING:
    from guide.engines import EngineChoice
    from guide.review import Form, Review

_INTERVAL = 0.1  # seconds between looks at the file: half of what is felt as delay
_PATIENCE = 100  # looks at a file that is gone before it is said, once, that it is waited for


@click.command(epilog="Example:  guide watch examples/idea.md")
@click.argument("idea", type=click.Path(path_type=Path))
@click.option("--store", metavar="DIR", help="Literature store to search; without it, the starter store.")
@engine_options
@venue_option()
@click.option("--cutoff", metavar="YYYY-MM", help="Count only work public by this month as prior.")
@click.option("--form", type=click.Choice(["idea", "draft", "paper"]), help="What the text is; guessed if not given.")
@json_option
def watch(
    idea: Path,
    store: str | None,
    engine: EngineChoice,
    venue: str,
    cutoff: str | None,
    form: Form | None,
    as_json: bool,
) -> None:
    """Review IDEA, a file, and again at each save, until Ctrl-C.

    Prints the review once, then what each save changed: how far the chances moved and whether by more than rewording
    does, and what became of each finding. With --json, one object per line: the review, then comparisons.
    """
    from guide.advice.revision import compare_reviews, noise_of_student
    from guide.advice.views.revision import print_revision
    from guide.advice.views.terminal import print_review
    from guide.advisor import load_advisor
    from guide.calibration.base_rates import parse_venue
    from guide.errors import InputError
    from guide.text.proposal import read_proposal

    if str(idea) == "-":
        raise InputError("standard input cannot be watched", fix="Name a file, or use `guide review -`.")
    parse_venue(venue)
    read_proposal(str(idea), form=form)  # what cannot be read at all is said before anything is loaded
    noise = noise_of_student()
    last: Review | None = None
    with load_advisor(store=store, engine=engine) as advisor:
        for _ in saves(idea, waiting=_say_waiting):
            began = time.perf_counter()
            try:
                review = advisor.review(read_proposal(str(idea), form=form), venue=venue, cutoff=cutoff)
            except InputError as error:
                if last is None:
                    raise
                # Half a save, or a text emptied for a moment: the next save is waited for.
                click.echo(f"guide: {error}", err=True)
                continue
            if last is None:
                if as_json:
                    click.echo(review.model_dump_json())
                else:
                    print_review(review)
            else:
                revision = compare_reviews(last, review, noise)
                if as_json:
                    click.echo(revision.model_dump_json())
                else:
                    click.echo()
                    print_revision(revision)
            click.echo(f"{time.strftime('%H:%M:%S')} reviewed in {time.perf_counter() - began:.2f} s", err=True)
            last = review


def saves(
    path: Path,
    *,
    waiting: Callable[[Path], None],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Yield once at the start and then after each save of a file, for ever.

    A save counts once the file looks the same at two looks in a row, so that half of one is not read. Editors that
    put a new file in the place of the old one leave none for a moment: it is waited for.

    Args:
        path: the file.
        waiting: called once when the file has been gone for some ten seconds.
        pause: waits the seconds given.
    """
    seen: tuple[int, int, int] | None = None
    earlier: tuple[int, int, int] | None = None
    gone = 0
    while True:
        now = _state(path)
        gone = gone + 1 if now is None else 0
        if gone == _PATIENCE:
            waiting(path)
        if now is not None and now != seen and (seen is None or now == earlier):
            seen = now
            yield
        earlier = now
        pause(_INTERVAL)


def _state(path: Path) -> tuple[int, int, int] | None:
    """What differs after a save: time, size, and the file itself; None while there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _say_waiting(path: Path) -> None:
    click.echo(f"guide: {path} is gone; waiting for it", err=True)
