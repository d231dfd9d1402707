"""The share of submissions that a venue accepts: the ones known, and reading one from the command line."""

from __future__ import annotations

import re

from guide.errors import InputError
from guide.review import Venue

# Share of submissions accepted, withdrawn ones counted as not accepted and desk rejects left out where the venue
# says so. ICLR 2025: 3,706 of 11,602. The other figures are the organisers' own, as they announced them.
BASE_RATES: dict[str, float] = {
    "ICLR-2020": 0.265,
    "ICLR-2021": 0.287,
    "ICLR-2022": 0.323,
    "ICLR-2023": 0.318,
    "ICLR-2024": 0.311,
    "ICLR-2025": 0.319,
    "ICML-2023": 0.279,
    "ICML-2024": 0.275,
    "NeurIPS-2022": 0.257,
    "NeurIPS-2023": 0.261,
    "NeurIPS-2024": 0.258,
}
DEFAULT_VENUE = "ICLR-2025"
_OWN_RATE = re.compile(r"(?P<name>[^=\s][^=]*)=(?P<rate>[0-9.]+)\s*(?P<percent>%?)")


def parse_venue(text: str) -> Venue:
    """Read `ICLR-2025`, any name of `BASE_RATES`, or `NAME=RATE` with a rate such as 0.25 or 25%.

    Raises:
        InputError: the venue is unknown or the rate is not strictly between 0 and 1.
    """
    known = {name.lower(): name for name in BASE_RATES}
    name = known.get(text.strip().lower().replace(" ", "-"))
    if name is not None:
        return Venue(name, BASE_RATES[name])
    match = _OWN_RATE.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"no base rate is known for venue {text!r}",
            fix=f"Use one of {', '.join(BASE_RATES)}, or state it: --venue 'NAME=0.25'.",
        )
    try:
        rate = float(match["rate"]) / (100 if match["percent"] else 1)
    except ValueError:
        rate = float("nan")
    if not 0 < rate < 1:
        raise InputError(f"the base rate in {text!r} is not between 0 and 1", fix="Write it like --venue 'NAME=0.25'.")
    return Venue(match["name"].strip(), rate)
