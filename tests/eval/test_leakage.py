import json
from pathlib import Path

import numpy as np
import pytest

from guide.errors import InputError
from guide.eval.decisions import Decision
from guide.eval.leakage import (
    ALL,
    FOLDS,
    ICLR_DECISIONS,
    SOURCE,
    STATED,
    audit_leaks,
    check_cutoff,
    check_years,
    read_audit_texts,
    strip_rules,
)
from guide.eval.readings import read_texts
from guide.eval.traces import FAMILIES
from guide.text.leaks import RULES, strip_leaks

ROOT = Path(__file__).parents[2]
IDEA = "We study sparse attention and compare it with dense attention on five tasks."
LEAKS = {
    "links": " Code is at https://example.org/x.",
    "length": " It is tried again with another seed, on another day, by another hand." * 4,
    "punctuation": r" It gains 4.2% (of 31.0%), i.e. [see Table 2]; why?",
    "venue headers": " Published as a conference paper at ICLR 2023.",
    "author blocks": " Contact: first.author@example.edu, Example University.",
    "text source": " It is \u201cfast\u201d and e\ufb03cient.",
}


def _records(leak, years=(2021, 2022), n=80, year_field=True, **more):
    """Accepted ones carry the leak nearly always, the others nearly never."""
    random = np.random.default_rng(0)
    for year in years:
        for number in range(n):
            accepted = number % 2 == 0
            carries = random.random() < (0.9 if accepted else 0.1)
            yield {
                "id": f"{year}-{number}",
                "title": f"Study {number}",
                "abstract": IDEA + (LEAKS[leak] if carries else ""),
                "accepted": accepted,
                **({"year": year} if year_field else {}),
                **more,
            }


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def _decisions(records):
    return [
        Decision(id=one["id"], title=one["title"], abstract=one["abstract"], accepted=one["accepted"], ratings=(),
                 year=one.get("year"), where="")
        for one in records
    ]  # fmt: skip


def _audit(tmp_path, leak, reading, **options):
    training = read_audit_texts(_write(tmp_path / "d.jsonl", _records(leak)), until=2024)
    records = _decisions(_records(leak, years=(2025,)))
    probes = audit_leaks(training, records, read_texts(records, reading), resamples=100, **options)
    return {probe.name: probe for probe in probes}


@pytest.mark.parametrize("leak", FAMILIES)
def test_the_probe_of_a_planted_leak_finds_it(tmp_path, leak):
    probes = _audit(tmp_path, leak, "raw")
    assert set(probes) == {*FAMILIES, ALL}
    assert probes[leak].auroc.value > 0.85
    assert probes[leak].auroc.low > 0.75
    assert probes[ALL].auroc.value > 0.85


@pytest.mark.parametrize("leak", ["links", "venue headers"])
def test_what_the_stripper_takes_is_gone_from_the_stripped_reading(tmp_path, leak):
    probes = _audit(tmp_path, leak, "stripped")
    assert {name: probe.auroc.value for name, probe in probes.items()} == dict.fromkeys(probes, 0.5)
    assert probes[leak].note.startswith("no text has any")
    assert all(probe.text == "stripped" for probe in probes.values())


def test_a_leak_of_the_replayed_texts_alone_shows_in_the_folds_only(tmp_path):
    plain = [{**one, "abstract": IDEA} for one in _records("links")]
    training = read_audit_texts(_write(tmp_path / "d.jsonl", plain), until=2024)
    records = _decisions(_records("text source", years=(2025,)))
    probes = audit_leaks(training, records, read_texts(records, "raw"), resamples=100)
    source = next(probe for probe in probes if probe.name == SOURCE)
    assert source.auroc.value == 0.5
    assert f"{FOLDS}-fold among the replayed texts: AUROC 0.8" in source.note or "AUROC 0.9" in source.note


def test_a_leak_of_no_decision_leads_nowhere_in_the_folds():
    random = np.random.default_rng(1)
    records = _decisions(
        {
            "id": str(n),
            "title": "t",
            "abstract": IDEA + LEAKS["links"] * int(random.integers(2)),
            "accepted": n % 2 == 0,
        }
        for n in range(400)
    )
    training = _audit_texts_of(records)
    links = audit_leaks(training, records, read_texts(records, "raw"), resamples=100)[0]
    low, high = links.note.rsplit("(", 1)[1].rstrip(")").split(" to ")
    assert float(low) < 0.5 < float(high)


def _audit_texts_of(records):
    from guide.eval.leakage import AuditTexts

    n = len(records)
    return AuditTexts(
        tuple(one.abstract for one in records),
        np.array([one.accepted for one in records]),
        np.full(n, 2024),
        np.ones(n, dtype=bool),
        ("",) * n,
    )


def test_a_years_rate_is_not_taken_for_a_leak(tmp_path):
    """The lenient year's texts are longer, but within each year it is the short ones that are accepted."""
    random = np.random.default_rng(0)
    records = []
    for year, long, rates in ((2021, 0.2, (0.05, 0.3)), (2022, 0.8, (0.7, 0.95))):
        for number in range(400):
            is_long = random.random() < long
            accepted = bool(random.random() < rates[0 if is_long else 1])
            text = IDEA + LEAKS["length"] * is_long
            records.append({"id": f"{year}-{number}", "abstract": text, "accepted": accepted, "year": year})
    training = read_audit_texts(_write(tmp_path / "d.jsonl", records), until=2024)
    later = _decisions(
        {"id": str(n), "title": "t", "abstract": IDEA + LEAKS["length"] * (n % 2), "accepted": n % 2 == 0}
        for n in range(100)
    )
    length = audit_leaks(training, later, read_texts(later, "raw"), resamples=100)[1]
    assert length.auroc.value == 1


def test_where_the_records_state_their_source_it_is_a_probe_of_its_own(tmp_path):
    records = [
        {**one, "abstract": IDEA, "abstract_version": "final" if one["accepted"] else "arxiv", "symmetric": n % 3 == 0}
        for n, one in enumerate(_records("links"))
    ]
    training = read_audit_texts(_write(tmp_path / "d.jsonl", records), until=2024)
    later = _decisions(_records("links", years=(2025,)))
    sources = ["final" if one.accepted else "arxiv" for one in later]
    probes = audit_leaks(training, later, read_texts(later, "stripped"), sources=sources, resamples=100)
    stated = next(probe for probe in probes if probe.name == STATED)
    assert stated.auroc.value == 1
    # All records teach what the source tells; the engine's own alone teach the rest.
    assert "fitted on 160 decisions" in stated.note
    assert "fitted on 54 decisions" in probes[0].note


def test_only_years_up_to_the_engines_last_are_fitted_on(tmp_path):
    path = _write(tmp_path / "d.jsonl", _records("links", years=(2021, 2025)))
    assert read_audit_texts(path, until=2024).years.tolist() == [2021] * 80
    with pytest.raises(InputError, match="accepted and rejected"):
        read_audit_texts(path, until=2020)


def test_the_audit_is_the_same_every_time(tmp_path):
    first, again = (_audit(tmp_path, "punctuation", "raw") for _ in range(2))
    assert first == again


def test_every_rule_of_the_stripper_is_listed_in_order_and_in_the_documentation():
    page = (ROOT / "docs" / "leakage.md").read_text(encoding="utf-8")
    assert [rule.name for rule in strip_rules()] == list(RULES)
    for rule in strip_rules():
        assert f"| `{rule.name}` | {rule.takes} |" in page


def test_every_probe_is_in_the_documentation():
    page = (ROOT / "docs" / "leakage.md").read_text(encoding="utf-8")
    for name in (*FAMILIES, ALL, STATED):
        assert f"| {name} |" in page


def _of_years(*years):
    return _decisions({"id": str(n), "title": "t", "abstract": IDEA, "accepted": True, "year": year}
                      for n, year in enumerate(years))  # fmt: skip


def test_years_later_than_the_training_need_no_note():
    assert check_years(2024, _of_years(2025, 2026)) == []


def test_years_of_the_training_are_no_test():
    (note,) = check_years(2024, _of_years(2023, 2024, 2025))
    assert note.startswith("NOT A TEST") and "2023" in note and "2 of 3" in note


def test_years_unsaid_are_said():
    (note,) = check_years(2024, _of_years(None, 2025))
    assert "do not state their year" in note


@pytest.mark.parametrize(
    ("cutoff", "year", "test"),
    [("2024-12", 2025, True), ("2025-01", 2025, False), ("2025-06", 2025, False), ("2023-12", 2024, True)],
)
def test_a_cut_off_counts_as_knowing_the_decisions_of_its_month(cutoff, year, test):
    notes = check_cutoff(cutoff, _of_years(year))
    assert (notes == []) is test
    assert all(note.startswith("NOT A TEST") for note in notes)


def test_a_year_without_a_known_date_is_said_unless_it_is_far_off():
    unknown = max(ICLR_DECISIONS) + 1
    assert "not known here" in check_cutoff(f"{unknown}-01", _of_years(unknown))[0]
    assert check_cutoff("2024-01", _of_years(unknown)) == []
    assert "do not state their year" in check_cutoff("2024-01", _of_years(None))[0]


@pytest.mark.parametrize("cutoff", ["2024", "2024-13", "June 2024", "2024-6", "2024-06-01"])
def test_a_cut_off_that_is_no_month_is_refused(cutoff):
    with pytest.raises(InputError, match="no month"):
        check_cutoff(cutoff, _of_years(2025))


def test_decision_months_follow_each_other():
    months = list(ICLR_DECISIONS.values())
    assert months == sorted(months)
    # ICLR decides in the winter before it meets.
    assert all(str(year - 1) <= month < f"{year}-03" for year, month in ICLR_DECISIONS.items())


@pytest.mark.data
def test_links_leak_in_the_final_texts_of_2023_until_they_are_stripped(data_dir):
    training = read_audit_texts(data_dir / "iclr-decisions.jsonl.zst", until=2023)
    rows = np.flatnonzero((training.years == 2023) & training.symmetric)[:1000]
    records = _decisions(
        {"id": str(row), "title": "t", "abstract": training.texts[row], "accepted": bool(training.accepted[row])}
        for row in rows
    )
    earlier = training.years < 2023
    past = type(training)(
        tuple(text for text, kept in zip(training.texts, earlier, strict=True) if kept),
        training.accepted[earlier],
        training.years[earlier],
        training.symmetric[earlier],
        tuple(text for text, kept in zip(training.sources, earlier, strict=True) if kept),
    )
    links = {
        reading: audit_leaks(past, records, read_texts(records, reading), resamples=100)[0].auroc
        for reading in ("raw", "stripped")
    }
    assert links["raw"].low > 0.52
    assert links["stripped"].value == 0.5
    assert strip_leaks(records[0].abstract).text
