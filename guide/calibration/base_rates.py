"""The share of submissions that a venue accepts: the ones known, and reading one from the command line."""

from __future__ import annotations

import re

from guide.errors import InputError
from guide.review import Venue

# Share of submissions accepted, withdrawn ones counted as not accepted and desk rejects left out where the venue
# says so. Sources: ICLR 2025, 3,706 of 11,602 by its public decisions; ICLR 2026, 27.3 % by its public decisions of
# January 2026; NeurIPS 2025, 5,290 of 21,575, ICML 2025, 3,260 of 12,107, and ICML 2026, 6,352 of 23,918, as reported
# after the organisers' announcements. The others are the organisers' own, as they announced them.
BASE_RATES: dict[str, float] = {
    "ICLR-2020": 0.265,
    "ICLR-2021": 0.287,
    "ICLR-2022": 0.323,
    "ICLR-2023": 0.318,
    "ICLR-2024": 0.311,
    "ICLR-2025": 0.319,
    "ICLR-2026": 0.273,
    "ICML-2023": 0.279,
    "ICML-2024": 0.275,
    "ICML-2025": 0.269,
    "ICML-2026": 0.266,
    "NeurIPS-2022": 0.257,
    "NeurIPS-2023": 0.261,
    "NeurIPS-2024": 0.258,
    "NeurIPS-2025": 0.245,
}
DEFAULT_VENUE = "ICLR-2027"
# What `guide replay` plays back: the last ICLR whose decisions came after those that the student learnt from.
REPLAYED_VENUE = "ICLR-2025"
_OWN_RATE = re.compile(r"(?P<name>[^=\s][^=]*)=(?P<rate>[0-9.]+)\s*(?P<percent>%?)")
_SERIES = re.compile(r"(?P<series>[a-z]+)-(?P<year>\d{4})", re.IGNORECASE)


def parse_venue(text: str) -> Venue:
    """Read `ICLR-2025`, any name of `BASE_RATES`, one of those in a year to come, or `NAME=RATE` (0.25 or 25%).

    A year to come has the rate of the last one known.

    Raises:
        InputError: the venue is unknown or the rate is not strictly between 0 and 1.
    """
    asked = text.strip().replace(" ", "-")
    known = {name.lower(): name for name in BASE_RATES}
    name = known.get(asked.lower())
    if name is not None:
        return Venue(name, BASE_RATES[name])
    match = _SERIES.fullmatch(asked)
    if match is not None and (last := last_known(match["series"])) and asked[-4:] > last[-4:]:
        return Venue(f"{last[:-5]}-{match['year']}", BASE_RATES[last])
    match = _OWN_RATE.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"no base rate is known for venue {text!r}",
            fix=f"Use one of {', '.join(BASE_RATES)}, a later year of these, or state it: --venue 'NAME=0.25'.",
        )
    try:
        rate = float(match["rate"]) / (100 if match["percent"] else 1)
    except ValueError:
        rate = float("nan")
    if not 0 < rate < 1:
        raise InputError(f"the base rate in {text!r} is not between 0 and 1", fix="Write it like --venue 'NAME=0.25'.")
    return Venue(match["name"].strip(), rate)


def last_known(series: str) -> str | None:
    """The latest year of a series (ICLR, ICML, NeurIPS; in any case) whose rate is known, as `BASE_RATES` names it."""
    years = [name for name in BASE_RATES if name.rpartition("-")[0].lower() == series.lower()]
    return max(years, default=None)
