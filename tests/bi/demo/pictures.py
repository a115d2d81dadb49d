"""Pictures of the dashboards, taken by a real browser: what a reader sees, errors in the page included."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from orchestration.bi.model import Bundle
from tests.bi.demo.superset import USER, Superset, SupersetError
from tests.report.browser import Browser, find

WIDTH = 1440
_TALL = 3600  # charts below the window are not drawn
_HOLDERS = "document.querySelectorAll('.dashboard-component-chart-holder').length"
_LOADING = "document.querySelectorAll('.loading, .ant-spin-spinning').length"
_BOTTOM = "Math.max(...[...document.querySelectorAll('.dragdroppable-row')].map(e => e.getBoundingClientRect().bottom))"
_ERRORS = "[...document.querySelectorAll('[role=alert]')].map(e => e.innerText.trim()).filter(t => t)"


def take(superset: Superset, bundle: Bundle, folder: Path) -> list[tuple[str, list[str]]]:
    """One PNG per dashboard. Returns the dashboards on which a chart shows an error."""
    program = find()
    if program is None:
        raise SupersetError("no Chromium on this machine: set CHROMIUM=/path, or apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    broken = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, Path(profile))
        try:
            _log_in(browser, superset)
            for dashboard in bundle.dashboards:
                browser.size(WIDTH, _TALL)
                _go(browser, f"{superset.address}/superset/dashboard/{dashboard.slug}/?standalone=1")
                browser.wait_for(f"{_HOLDERS} >= {sum(1 for _ in dashboard.charts)}", 60)
                time.sleep(2)
                browser.wait_for(f"{_LOADING} === 0", 120)
                time.sleep(2)  # charts are drawn with a movement
                browser.size(WIDTH, int(browser.run(_BOTTOM)) + 20)
                time.sleep(1)
                browser.picture(folder / f"{dashboard.slug}.png")
                if errors := browser.run(_ERRORS):
                    broken.append((dashboard.name, errors))
        finally:
            browser.close()
    return broken


def _go(browser: Browser, url: str) -> None:
    browser.send("Page.navigate", url=url)


def _log_in(browser: Browser, superset: Superset) -> None:
    browser.size(WIDTH, 900)
    _go(browser, f"{superset.address}/login/")
    browser.wait_for("!!document.querySelector('input[type=password]')", 60)
    # The page keeps its fields in React, which listens to events and not to values.
    browser.run(
        """(([user, password]) => {
            const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
            const fill = (field, text) => {
                set.call(field, text);
                field.dispatchEvent(new Event('input', {bubbles: true}));
            };
            fill(document.querySelector('input[name=username], #username'), user);
            fill(document.querySelector('input[type=password]'), password);
            document.querySelector('button[type=submit], input[type=submit]').click();
        })("""
        + json.dumps([USER, superset.password])
        + ")"
    )
    browser.wait_for("location.pathname !== '/login/'", 60)
