from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.sources import Mark, Paper, Skipped
from guide.corpus.sources.arxiv import Arxiv
from guide.corpus.sources.http import Client
from guide.errors import InputError, SourceError
from tests.corpus.sources.server import EVERYTHING, Answer, serve


def record(number: int, categories: str = "cs.LG stat.ML", created: str = "2024-03-05") -> str:
    name = f"2403.{number:05d}"
    return (
        f"<record><header><identifier>oai:arXiv.org:{name}</identifier></header><metadata>"
        f'<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{name}</id><created>{created}</created>'
        f"<title>A study\n  of $x^2$</title><categories>{categories}</categories>"
        "<abstract>  We look\n at it. </abstract></arXiv></metadata></record>"
    )


def envelope(inside: str) -> Answer:
    return Answer(f'<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{inside}</OAI-PMH>')


def page(*records: str, more: str = "") -> Answer:
    end = f'<resumptionToken cursor="0" completeListSize="3">{more}</resumptionToken>'
    return envelope(f"<ListRecords>{''.join(records)}{end}</ListRecords>")


def refusal(code: str) -> Answer:
    return envelope(f'<error code="{code}">no</error>')


PAGES = (page(record(1), more="t1"), page(record(2), more="t2"), page(record(3)))
DELETED = '<record><header status="deleted"><identifier>oai:arXiv.org:9</identifier></header></record>'


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def read(url: str, state: dict[str, Any] | None = None, waits: list[float] | None = None) -> list[Any]:
    client = Client(tries=2, wait=([] if waits is None else waits).append)
    return list(Arxiv("cs.LG", url=url, client=client).read(state))


def ids(items: list[Any]) -> list[str]:
    return [one.id for one in items if isinstance(one, Paper)]


def test_three_pages_arrive_and_each_mark_delivers_exactly_the_rest() -> None:
    with serve(*PAGES) as served:
        items = read(served.url)
    assert ids(items) == ["arxiv:2403.00001", "arxiv:2403.00002", "arxiv:2403.00003"]
    assert [one.get("resumptionToken") for one in served.queries] == [None, "t1", "t2"]
    assert served.queries[0]["set"] == "cs:cs:LG"
    first = items[0]
    assert (first.title, first.abstract, first.year, first.posted) == (
        "A study of $x^2$",
        "We look at it.",
        2024,
        "2024-03",
    )
    assert items[-1] == Mark(None)
    with serve(*PAGES[1:]) as served:
        assert read(served.url, json.loads(json.dumps(items[1].state))) == items[2:]
        assert served.queries[0] == {"verb": "ListRecords", "resumptionToken": "t1"}


def test_what_is_left_out_is_said() -> None:
    with serve(page(DELETED, record(1, "cs.CL"), record(2, created="soon"), "<record/>")) as served:
        items = read(served.url)
    assert [one.where for one in items[:2]] == ["arxiv:9", "arxiv:2403.00001"]
    assert items[0].reason == "deleted by arXiv"
    assert "record 4" in items[3].where and all(isinstance(one, Skipped) for one in items[:4])


def test_no_records_is_an_empty_delivery() -> None:
    with serve(refusal("noRecordsMatch")) as served:
        assert read(served.url) == [Mark(None)]


def test_an_old_token_starts_over_once() -> None:
    with serve(refusal("badResumptionToken"), page(record(1))) as served:
        assert ids(read(served.url, {"token": "old"})) == ["arxiv:2403.00001"]
    with serve(refusal("badResumptionToken")) as served, pytest.raises(SourceError, match="badResumptionToken"):
        read(served.url, {"token": "old"})


def test_a_bad_argument_is_the_users() -> None:
    with serve(refusal("badArgument")) as served, pytest.raises(InputError):
        read(served.url)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_waited_for_as_long_as_it_asks(status: int) -> None:
    waits: list[float] = []
    with serve(Answer(status=status, headers={"Retry-After": "7"}), page(record(1))) as served:
        assert len(ids(read(served.url, waits=waits))) == 1
    assert waits == [7]


def test_broken_xml_is_asked_for_once_more() -> None:
    with serve(Answer("<OAI-PMH><rec"), page(record(1))) as served:
        assert len(ids(read(served.url))) == 1
    with serve(Answer("<OAI-PMH><rec")) as served, pytest.raises(SourceError, match="broken"):
        read(served.url)
    assert len(served.queries) == 2


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    with serve(Answer(bomb)) as served, pytest.raises(SourceError, match="entities"):
        read(served.url)


@pytest.mark.parametrize(
    ("start", "until", "days"),
    [
        (None, None, {}),
        (date(2024, 3, 1), None, {"from": "2024-03-01"}),
        (None, date(2024, 3, 31), {"until": "2024-03-31"}),
        (date(2024, 3, 1), date(2024, 3, 1), {"from": "2024-03-01", "until": "2024-03-01"}),
    ],
)
def test_the_days_are_asked_for_once_and_a_token_goes_alone(
    start: date | None, until: date | None, days: dict[str, str]
) -> None:
    with serve(*PAGES) as served:
        source = Arxiv("cs.LG", start, until, url=served.url, client=Client())
        assert len(ids(list(source.read()))) == 3
    assert served.queries == [
        {"verb": "ListRecords", "metadataPrefix": "arXiv", "set": "cs:cs:LG", **days},
        {"verb": "ListRecords", "resumptionToken": "t1"},
        {"verb": "ListRecords", "resumptionToken": "t2"},
    ]


def test_starting_over_asks_for_the_days_again() -> None:
    with serve(refusal("badResumptionToken"), page(record(1))) as served:
        source = Arxiv("cs.LG", date(2024, 3, 1), date(2024, 3, 31), url=served.url, client=Client())
        assert ids(list(source.read({"token": "old"}))) == ["arxiv:2403.00001"]
    assert served.queries[0] == {"verb": "ListRecords", "resumptionToken": "old"}
    assert (served.queries[1]["from"], served.queries[1]["until"]) == ("2024-03-01", "2024-03-31")


def test_a_token_with_signs_of_its_own_comes_back_as_it_was() -> None:
    given_out = "verb=ListRecords&from=2024 03+01%7C1001/é"
    with serve(page(record(1), more=given_out.replace("&", "&amp;")), page(record(2))) as served:
        assert len(ids(read(served.url))) == 2
    assert served.queries[1] == {"verb": "ListRecords", "resumptionToken": given_out}


@pytest.mark.parametrize("missing", [5, 40, EVERYTHING])
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_a_page_that_breaks_off_is_fetched_again_and_loses_no_record(missing: int, chunked: bool) -> None:
    broken = replace(PAGES[1], chunked=chunked, missing=missing)
    with serve(PAGES[0], broken, *PAGES[1:]) as served:
        assert ids(read(served.url)) == ["arxiv:2403.00001", "arxiv:2403.00002", "arxiv:2403.00003"]
    assert [one.get("resumptionToken") for one in served.queries] == [None, "t1", "t1", "t2"]


def test_a_service_that_stays_away_leaves_the_mark_to_go_on_from() -> None:
    items: list[Any] = []
    with serve(PAGES[0], replace(PAGES[1], missing=9)) as served:
        source = Arxiv("cs.LG", url=served.url, client=Client(tries=2, wait=lambda _: None))
        with pytest.raises(SourceError, match=r"no answer after 3 tries .*goes on where it stopped"):
            items.extend(source.read())
        assert len(served.queries) == 4
    assert ids(items) == ["arxiv:2403.00001"]
    with serve(*PAGES[1:]) as served:
        assert ids(read(served.url, items[-1].state)) == ["arxiv:2403.00002", "arxiv:2403.00003"]


@pytest.mark.parametrize("package", ["requests", "defusedxml"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package} is missing\. pip install 'guide-advisor\[web\]'"):
        next(Arxiv("cs.LG", url="http://127.0.0.1:1/").read())


@pytest.mark.parametrize(
    ("category", "spelled"),
    [("cs.LG", "cs:cs:LG"), ("stat.ML", "stat:stat:ML"), ("cs", "cs"), ("hep-th", "physics:hep-th")],
)
def test_a_category_is_translated_to_a_set(category: str, spelled: str) -> None:
    assert Arxiv(category).oai_set == spelled


class Replay(Client):
    """Gives the pages by their token, without a server."""

    def __init__(self, pages: list[int]) -> None:
        super().__init__()
        self.pages = pages

    def get(self, url: str, query: Mapping[str, str] | None = None) -> bytes:
        place = int((query or {}).get("resumptionToken", "0"))
        more = str(place + 1) if place + 1 < len(self.pages) else ""
        return page(*(record(100 * place + one) for one in range(self.pages[place])), more=more).body.encode()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_whatever_the_pages_a_mark_through_json_delivers_the_rest(pages: list[int]) -> None:
    source = Arxiv("cs.LG", client=Replay(pages))
    items = list(source.read())
    assert len(ids(items)) == sum(pages)
    for place, one in enumerate(items):
        if isinstance(one, Mark) and one.state is not None:
            assert list(source.read(json.loads(json.dumps(one.state)))) == items[place + 1 :]
