"""The style sheet: enough contrast for everybody (WCAG 2.2, 1.4.3 and 1.4.11), by day, by night and on paper."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STYLE = (resources.files("smtp_audit.report") / "templates" / "report.css").read_text(encoding="utf-8")
TONES = ("good", "bad", "warn", "odd", "calm", "dim")


def palettes() -> dict[str, dict[str, str]]:
    roots = re.findall(r":root \{(.*?)\}", STYLE, re.S)
    assert len(roots) == 2
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", root)) for root in roots)
    assert set(light) == set(dark)
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(scheme: str) -> None:
    colours = palettes()[scheme]
    grounds = ["bg", "panel"]
    pairs = [(text, ground) for text in ("ink", "muted", "link") for ground in grounds]
    pairs += [(tone, ground) for tone in TONES for ground in ("bg", f"{tone}-bg")]
    pairs += [("ink", f"{tone}-bg") for tone in TONES]
    pairs += [("muted", f"{tone}-bg") for tone in ("bad", "warn", "good", "calm")]
    pairs += [("link", "calm-bg")]
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def test_dark_is_for_screens_only() -> None:
    assert "@media screen and (prefers-color-scheme: dark)" in STYLE
    assert STYLE.count("prefers-color-scheme") == 1


def test_paper_shows_what_the_screen_folds() -> None:
    printed = STYLE.partition("@media print")[2]
    assert "details::details-content { content-visibility: visible" in printed
    assert "print-color-adjust: exact" in printed
