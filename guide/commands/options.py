"""Options that several commands share, worded once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from guide.engines import EngineChoice

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
store_option: Decorator = click.option("--store", required=True, metavar="DIR", help="Folder of the literature store.")


def venue_option(default: str = "ICLR-2027") -> Decorator:
    """Give a command --venue, which is the calibration's where none is given. It goes below `engine_options`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_venue(*args: Any, venue: str | None, engine: EngineChoice, **values: Any) -> Any:
            from guide.calibration.recalibration import stated_venue

            return command(*args, venue=stated_venue(venue, engine.calibration, default), engine=engine, **values)

        option: Decorator = click.option(
            "--venue",
            metavar="VENUE",
            help="State P(accept) for this venue: a known one (ICLR-2026, NeurIPS-2025, ...), one of a later year, or "
            f"'NAME=RATE'. By default the one of --calibration, and {default} without.",
        )
        return option(with_venue)

    return decorate


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose and set up an engine; it gets them as one `EngineChoice`, `engine`."""

    @functools.wraps(command)
    def with_choice(*args: Any, **values: Any) -> Any:
        from guide.engines import EngineChoice

        settings = {name: values.pop(option) for option, name in _ENGINE_SETTINGS.items()}
        return command(*args, engine=EngineChoice(**settings), **values)

    decorated: Callable[..., Any] = with_choice
    for option in reversed(_ENGINE_OPTIONS):
        decorated = option(decorated)
    return decorated


_ENGINE_OPTIONS: tuple[Decorator, ...] = (
    click.option(
        "--engine",
        "engine_name",
        default="student",
        show_default=True,
        metavar="NAME",
        help="Who judges: student; or a language model run by transformers, vllm, or an openai-compatible server.",
    ),
    click.option("--model", metavar="MODEL", help="Language model: a folder, a hub id, or the server's name for it."),
    click.option("--base-url", metavar="URL", help="Server of --engine openai, up to and with /v1."),
    click.option("--runs", type=click.IntRange(1, 64), help="Runs of a language model over each text; 3 by default."),
    click.option(
        "--thinking", type=click.IntRange(0), metavar="TOKENS", help="A run may think so long; 2048 by default."
    ),
    click.option("--trim/--no-trim", default=True, help="Stop thinking that loops or no longer moves the rating."),
    click.option("--aggregate", is_flag=True, help="Write the review from the informative steps of all runs together."),
    click.option("--device", metavar="DEVICE", help="For --engine transformers: cpu, cuda, cuda:1."),
    click.option(
        "--keep-cache",
        type=click.FloatRange(0, 1, min_open=True),
        metavar="SHARE",
        help="For --engine transformers: keep this share of a prompt's cache; all by default. Needs --evict.",
    ),
    click.option(
        "--evict",
        type=click.Choice(["shotkv", "chunkkv"]),
        help="How --keep-cache chooses: whole pieces of prior work, or chunks of tokens.",
    ),
    click.option("--llm-seed", type=int, default=0, help="Seed of a language model's draws; 0 by default."),
    click.option(
        "--trained-until", type=int, metavar="YEAR", help="Last year the language model can know decisions of."
    ),
    click.option(
        "--calibration", type=click.Path(path_type=Path), help="What `guide calibrate` learnt of this very engine."
    ),
    click.option("--max-tokens-total", type=click.IntRange(1), help="Cap on what a server reads and draws in all."),
    click.option("--price-in", type=click.FloatRange(0), help="Price of a million tokens that a server reads."),
    click.option("--price-out", type=click.FloatRange(0), help="Price of a million tokens that a server draws."),
)
# What each option is called in an `EngineChoice`.
_ENGINE_SETTINGS = {
    "engine_name": "name",
    "model": "model",
    "base_url": "base_url",
    "runs": "runs",
    "thinking": "thinking",
    "trim": "trim",
    "aggregate": "aggregate",
    "device": "device",
    "keep_cache": "keep_cache",
    "evict": "evict",
    "llm_seed": "seed",
    "trained_until": "trained_until",
    "calibration": "calibration",
    "max_tokens_total": "max_tokens_total",
    "price_in": "price_in",
    "price_out": "price_out",
}
