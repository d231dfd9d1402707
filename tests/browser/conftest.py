"""A real Chromium for tests of what a reader sees. Without one they skip, or fail where REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from guide.eval.report.page import write_report
from tests.replays import made_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

PHONE, DESKTOP = 360, 1280


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser: the one that CHROMIUM names, or the first that is installed."""
    found = os.environ.get("CHROMIUM") or next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing = "no Chromium is installed (apt-get install chromium), and CHROMIUM names none"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def report(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about two made replays, one of them with everything a run may have; made only where it can be opened."""
    runs = [made_run(resamples=50), made_run(150, name="made-arxiv.jsonl", seed=3, resamples=50)]
    return write_report(runs, tmp_path_factory.mktemp("report")).page


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Callable[..., Page]]:
    """Open the report: `opened(width, "dark")`."""
    contexts = []

    def open_report(width: int = DESKTOP, scheme: Any = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.goto(report.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()
