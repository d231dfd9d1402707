import pytest

from guide.calibration.base_rates import BASE_RATES, DEFAULT_VENUE, last_known, parse_venue
from guide.errors import InputError
from guide.review import Venue


def test_a_known_venue_is_found_in_any_case():
    assert parse_venue("iclr-2025") == Venue("ICLR-2025", 0.319)
    assert parse_venue("NeurIPS 2024").base_rate == BASE_RATES["NeurIPS-2024"]


@pytest.mark.parametrize(("text", "rate"), [("My Workshop=0.6", 0.6), ("EWRL=45%", 0.45), ("ICLR-2031=0.2", 0.2)])
def test_a_venue_may_state_its_own_rate(text, rate):
    assert parse_venue(text).base_rate == pytest.approx(rate)


@pytest.mark.parametrize("text", ["ICLR-1999", "", "X=0", "X=1", "X=150%", "X=0.1.2", "=0.3", "CVPR-2027"])
def test_an_unusable_venue_is_an_input_error_that_says_how_to_write_one(text):
    with pytest.raises(InputError, match=r"--venue 'NAME=0\.25'"):
        parse_venue(text)


def test_a_year_to_come_has_the_last_known_rate_and_its_own_name():
    assert parse_venue("neurips 2031") == Venue("NeurIPS-2031", BASE_RATES["NeurIPS-2025"])
    assert parse_venue(DEFAULT_VENUE) == Venue("ICLR-2027", BASE_RATES["ICLR-2026"])


def test_the_default_is_the_year_after_the_last_whose_decisions_are_known():
    last = last_known("ICLR")
    assert last is not None
    assert int(DEFAULT_VENUE[-4:]) == int(last[-4:]) + 1
    assert last_known("CVPR") is None


def test_only_iclr_is_in_domain():
    assert parse_venue("ICLR-2024").in_domain
    assert not parse_venue("ICML-2024").in_domain
    assert not parse_venue("ICLR Workshop=0.9").in_domain
