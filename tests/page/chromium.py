"""Debian's Chromium, or Chrome, which opens the pages; `.ci/run` installs it where apt can."""

import shutil
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MISSING = "no Chromium on the path, or Playwright is not installed"
needs_chromium = pytest.mark.skipif(CHROMIUM is None or not find_spec("playwright"), reason=MISSING)

WIDTHS = {"phone": (390, 844), "desktop": (1280, 900)}


@contextmanager
def chromium():
    """Yield a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


class Opened:
    """A page as a browser shows it, what it asked for, and what it complained about."""

    def __init__(self, browser, path, width="desktop", **how):
        across, down = WIDTHS[width]
        self.context = browser.new_context(viewport={"width": across, "height": down}, **how)
        self.context.set_default_timeout(300_000)  # milliseconds: a busy machine is no failure
        self.page = self.context.new_page()
        self.requests, self.refused, self.complaints = [], [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.refused.append(request.failure))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        # Of the time that the page's thread has worked, not of the time that has passed meanwhile.
        self.session = self.context.new_cdp_session(self.page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.address = path.as_uri()
        self.page.goto(self.address)

    def __enter__(self):
        self.page.wait_for_selector("figure[data-ready]")
        return self

    def __exit__(self, *error):
        self.context.close()

    def seconds_of_work(self):
        """Return the processor time of the page's thread so far, whatever it was used for."""
        found = self.session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in found if each["name"] == "TaskDuration")

    def names(self, of="node"):
        """Return the names on the nodes that are to be seen, or on the blocks."""
        inner = {"node": ".node", "block": ".folded"}[of]
        texts = self.page.locator(f".picture {inner}:visible > .name")
        return texts.all_text_contents()

    def facts(self):
        """Return what the panel says: term -> text."""
        terms, texts = (
            self.page.locator(f".panel {tag}").all_inner_texts() for tag in ("dt", "dd")
        )
        return dict(zip(terms, texts, strict=True))
