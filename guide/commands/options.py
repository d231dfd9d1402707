"""Options that several commands share, worded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

json_option: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
engine_option: Decorator = click.option(
    "--engine", default="student", show_default=True, metavar="NAME", help="The engine that judges."
)
venue_option: Decorator = click.option(
    "--venue",
    default="ICLR-2025",
    show_default=True,
    metavar="VENUE",
    help="State P(accept) for this venue: a known one (ICLR-2025, NeurIPS-2024, ...) or 'NAME=RATE'.",
)
store_option: Decorator = click.option("--store", required=True, metavar="DIR", help="Folder of the literature store.")
