from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from guide.corpus.chunking import module_vectors
from guide.corpus.cluster import CONNECT_SECONDS
from guide.corpus.embedding import embed_blocks
from guide.corpus.encoder import SpanVectors
from guide.corpus.records import Paper
from guide.errors import GuideError, InputError
from tests.corpus.fakes import WordsEncoder, papers

# Warnings out of Ray's own code are none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


class SlowAndBroken(WordsEncoder):
    """Slow where a text says "slow", so that later blocks are ready first; broken where it says "broken"."""

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        if any("slow" in text for text in texts):
            time.sleep(1)
        if any("broken" in text for text in texts):
            raise ValueError("no vector\nfor this")
        return super().encode_spans(texts, spans, progress=progress)


def _blocks(sizes: Sequence[int]) -> list[tuple[Paper, ...]]:
    return [tuple(papers(size, start=100 * number)) for number, size in enumerate(sizes)]


def _assert_same(
    found: list[dict[str, tuple[np.ndarray, np.ndarray]]],
    blocks: list[tuple[Paper, ...]],
) -> None:
    assert len(found) == len(blocks)
    for got, block in zip(found, blocks, strict=True):
        wanted = module_vectors(WordsEncoder(), block)
        assert got.keys() == wanted.keys()
        for kind, (places, vectors) in wanted.items():
            np.testing.assert_array_equal(got[kind][0], places)
            np.testing.assert_array_equal(got[kind][1], vectors)


def test_blocks_embedded_here_come_in_order_and_one_at_a_time() -> None:
    blocks = _blocks([3, 0, 5])
    read: list[int] = []

    def counted() -> Iterator[tuple[Paper, ...]]:
        for number, block in enumerate(blocks):
            read.append(number)
            yield block

    running = embed_blocks(counted(), WordsEncoder())
    first = next(running)
    assert read == [0]
    _assert_same([first, *running], blocks)


def test_ray_gives_what_this_process_gives_in_the_same_order(two_workers: None) -> None:
    blocks = _blocks([4, 0, 7, 1, *[2] * 14])  # more than go out together
    slow = next(papers(1, start=9_000))
    blocks[0] = (Paper(slow.id, "A slow one", slow.abstract, slow.year, slow.venue), *blocks[0])
    read: list[int] = []

    def counted() -> Iterator[tuple[Paper, ...]]:
        for number, block in enumerate(blocks):
            read.append(number)
            yield block

    running = embed_blocks(counted(), SlowAndBroken(), ray="local", load=SlowAndBroken)
    first = next(running)
    assert len(read) < len(blocks)
    _assert_same([first, *running], blocks)


def test_an_encoder_that_fails_in_a_worker_ends_in_one_line(
    two_workers: None, capfd: pytest.CaptureFixture[str]
) -> None:
    blocks = _blocks([2, 2])
    bad = blocks[1][0]
    blocks[1] = (Paper(bad.id, "A broken one", bad.abstract, bad.year, bad.venue),)
    with pytest.raises(GuideError, match="ValueError: no vector for this") as caught:
        list(embed_blocks(blocks, SlowAndBroken(), ray="local"))
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err


def test_no_blocks_start_no_ray() -> None:
    assert list(embed_blocks([], WordsEncoder(), ray="nowhere:1")) == []


def test_an_address_where_nothing_answers_is_one_line_in_time() -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        began = time.monotonic()
        with pytest.raises(GuideError, match="no Ray cluster answers"):
            _without_ray(f"127.0.0.1:{taken.getsockname()[1]}")
    assert time.monotonic() - began < CONNECT_SECONDS + 5


@pytest.mark.parametrize("address", ["nonsense", "host:port", ":1", "host:99999"])
def test_what_is_no_address_is_refused(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(InputError, match="no address of a Ray cluster"):
        _without_ray(address)


def test_a_missing_ray_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"guide-advisor\[ray\]"):
        next(embed_blocks(_blocks([1]), WordsEncoder(), ray="local"))


def _without_ray(address: str) -> None:
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray, "is_initialized", lambda: False)
        next(embed_blocks(_blocks([1]), WordsEncoder(), ray=address))
