"""The oracle: what a value changes in a document, and what it does not."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_audit.documents.addresses import host_of, scheme_of
from smtp_audit.documents.asserting import assert_safe, examine_function
from smtp_audit.documents.differences import EffectKind, twin_of
from smtp_audit.documents.examining import word
from smtp_audit.documents.markup import read_markup
from smtp_audit.documents.payloads import AIMS, payloads
from smtp_audit.documents.tokens import css_shape, script_shape
from smtp_audit.errors import Undetermined

Render = Callable[[dict[str, str]], str]


def kinds(render: Render, *names: str, plain: bool = False) -> set[str]:
    return {effect.kind.value for effect in examine_function(render, names or ("a",), plain=plain).effects}


def template(source: str, escape: Callable[[str], str] = html.escape) -> Render:
    return lambda values: source.format(**{name: escape(value) for name, value in values.items()})


def test_there_are_enough_payloads_of_every_group() -> None:
    assert len(payloads()) >= 60
    assert {payload.group for payload in payloads()} == set(AIMS)
    assert len({payload.id for payload in payloads()}) == len(payloads())
    for payload in payloads():
        # A product that is in the payload would be "found" wherever it is shown.
        assert not payload.gives or payload.gives not in payload.text
        assert bool(payload.gives) is (payload.group == "expression")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>{a}</p>", set()),
        ('<p title="{a}">x</p>', set()),
        ("<p title='{a}'>x</p>", set()),
        ("<p title={a}>x</p>", {"attribute"}),
        ("<!-- {a} --><p>x</p>", set()),
        ("<{a}>x</{a}>", {"element"}),
        ("<p {a}>x</p>", {"element"}),
        ('<a href="{a}">x</a>', {"url-scheme"}),
        ('<a href="https://good.example/{a}">x</a>', set()),
        ('<a href="https://good.example?{a}">x</a>', set()),
        ('<a href="https://good.example{a}">x</a>', {"url-host"}),
        ('<a href="https://{a}.good.example/">x</a>', {"url-host"}),
        ('<a href="https://{a}/x">x</a>', set()),
        ('<a href="/{a}">x</a>', {"url-host"}),
        ('<a href="/go/{a}">x</a>', set()),
        ('<img src="cid:{a}">', set()),
        ('<meta http-equiv="refresh" content="0;url=https://good.example{a}">', {"url-host"}),
        ('<p style="color:{a}">x</p>', {"style"}),
        ("<style>p {{ color: {a} }}</style>", {"style"}),
        ("<title>{a}</title>", set()),
        ("<textarea>{a}</textarea>", set()),
        ("<!--[if mso]><p>{a}</p><![endif]-->", set()),
        ('<script>x = "{a}"</script>', {"script"}),
    ],
)
def test_escaped_values(source: str, found: set[str]) -> None:
    assert kinds(template(source)) == found


@pytest.mark.parametrize(
    "source",
    [
        "<p>{a}</p>",
        '<p title="{a}">x</p>',
        "<p title='{a}'>x</p>",
        "<title>{a}</title>",
        "<!-- {a} -->",
        "<textarea>{a}</textarea>",
        "<!--[if mso]><p>{a}</p><![endif]-->",
        "<style>p {{ color: {a} }}</style>",
    ],
)
def test_values_that_nobody_escapes(source: str) -> None:
    assert kinds(template(source, str)) & {"element", "attribute"}


def test_what_templates_do_on_purpose_is_no_effect() -> None:
    def breaks(values: dict[str, str]) -> str:
        return "<p>" + html.escape(values["a"]).replace("\n", "<br>") + "</p>"

    def short(values: dict[str, str]) -> str:
        text = html.escape(values["a"])
        return f"<p>{text}</p>" + ("<b>long</b>" if len(values["a"]) > 20 else "")

    assert kinds(breaks) == set()
    assert kinds(short) == set()


def test_filters_that_people_write_are_seen_through() -> None:
    def filtered(values: dict[str, str]) -> str:
        return "<p>" + values["a"].replace("<script>", "").replace("javascript:", "") + "</p>"

    assert "element" in kinds(filtered)


def test_a_value_that_is_evaluated() -> None:
    def made(values: dict[str, str]) -> str:
        return "<p>" + html.escape(values["a"]).replace("{{1337*7331}}", "9801547") + "</p>"

    assert kinds(made) == {"evaluated"}
    assert kinds(lambda values: values["a"].replace("${1337*7331}", "9801547"), plain=True) == {"evaluated"}


def test_each_variable_is_judged_by_itself() -> None:
    found = examine_function(lambda v: f"<p>{html.escape(v['a'])}</p><i>{v['b']}</i>", ("a", "b"))
    assert {effect.variable for effect in found.effects} == {"b"}


def test_another_way_through_the_template_is_tried_too() -> None:
    def render(values: dict[str, str]) -> str:
        shown = html.escape(values["b"]) if values["a"] else values["b"]
        return f"<p>{shown}</p>"

    assert {effect.variable for effect in examine_function(render, ("a", "b")).effects} == {"b"}


def test_to_refuse_is_safe_but_only_what_was_dangerous() -> None:
    def strict(values: dict[str, str]) -> str:
        if not values["a"].isalnum():
            raise ValueError("no word")
        return f"<p>{values['a']}</p>"

    found = examine_function(strict, ("a",))
    assert not found.effects
    assert found.variables[0].refused > 100


def test_a_variable_that_takes_addresses_only_is_tried_with_some() -> None:
    def checked(values: dict[str, str]) -> str:
        if not values["a"].startswith("https://"):
            raise ValueError("no address")
        return f'<a href="{html.escape(values["a"])}">x</a><i>{values["b"]}</i>'

    given = {"a": "https://good.example/" + word("a")}
    found = examine_function(checked, ("a", "b"), given)
    assert {effect.variable for effect in found.effects} == {"b"}
    assert not any(variable.unknown for variable in found.variables)
    # Without an address that could be another one, nothing is said of it.
    with pytest.raises(Undetermined, match="no harmless word"):
        examine_function(lambda v: checked({**v, "b": "x"}), ("a",), {"a": "https://good.example/"})


def test_what_cannot_be_rendered_is_not_called_safe() -> None:
    def broken(values: dict[str, str]) -> str:
        raise ValueError("always")

    with pytest.raises(Undetermined, match="always"):
        examine_function(broken, ("a",))


def test_what_differs_each_time_is_not_called_safe() -> None:
    rounds: list[int] = []

    def unsteady(values: dict[str, str]) -> str:
        rounds.append(1)
        return "<p>x</p>" * len(rounds)

    with pytest.raises(Undetermined, match="each time"):
        examine_function(unsteady, ("a",))


def test_noise_in_text_and_attributes_is_not_blamed_on_values() -> None:
    rounds: list[int] = []

    def noisy(values: dict[str, str]) -> str:
        rounds.append(1)
        return f'<p id="n{len(rounds)}">{len(rounds)} {html.escape(values["a"])}</p>'

    assert kinds(noisy) == set()


def test_the_assertion_says_what_happened() -> None:
    with pytest.raises(AssertionError, match=r"a: tag-script makes <script> \(element\)"):
        assert_safe(template("<p>{a}</p>", str), ["a"])
    assert_safe(template('<a href="{a}">x</a>'), ["a"], allow=["url-scheme"])
    assert_safe(template("<p>{a}</p>"), ["a"])


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://a.example/x", "a.example"),
        ("//a.example", "a.example"),
        ("///a.example", "a.example"),
        ("/\\a.example", "a.example"),
        ("\\\\a.example/", "a.example"),
        ("https:a.example", "a.example"),
        ("https://good.example@a.example/", "a.example"),
        (" \thttps://A.Example./", "a.example"),
        ("ht\ntps://a.example", "a.example"),
        ("/a.example", None),
        ("a.example", None),
        ("mailto:x@a.example", None),
    ],
)
def test_hosts_as_browsers_read_them(address: str, host: str | None) -> None:
    assert host_of(address) == host


def test_schemes_as_browsers_read_them() -> None:
    for text in ("javascript:x", " JaVaScript:x", "java\tscript:x", "\x01javascript:x", "java\r\nscript:x"):
        assert scheme_of(text) == "javascript"
    for text in ("x", "/javascript:x", "#a:b", "?a:b", "1a:b"):
        assert scheme_of(text) == ""


def test_a_style_is_not_left_by_escapes() -> None:
    assert css_shape("color: red") == css_shape("color: #fff") == css_shape("color: 12px")
    assert css_shape("color: \\75 rl\\28 x\\29 ") == css_shape("color: x")
    for text in ("\\75 rl(x)", "u/**/rl (x)", "x;y:z", "x}y{", "x/*", "'x", "expression(1)", "x\\"):
        assert css_shape(f"color: {text}; a: b") != css_shape("color: red; a: b"), text


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    read = read_markup(text)
    assert all(index < len(read.elements) for index, _ in read.texts)
    assert css_shape(text) == css_shape(text)
    assert script_shape(text) == script_shape(text)
    host_of(text)
    scheme_of(text)


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_escaped_text_never_changes_the_skeleton(text: str) -> None:
    before = read_markup(f'<p title="{word("a")}">{word("a")}</p>')
    value = html.escape(text)
    assert read_markup(f'<p title="{value}">{value}</p>').skeleton == before.skeleton


@given(st.text(alphabet="<>\"'&;:/\\ab \n\t=", max_size=40))
@settings(max_examples=80, deadline=None)
def test_a_twin_is_harmless_and_as_long(text: str) -> None:
    twin = twin_of(text)
    assert len(twin) == len(text)
    assert not set(twin) & set("<>\"'&;:\\= \t")


@given(st.text(max_size=12), st.text(max_size=12))
def test_words_of_two_names_have_no_letter_in_common(one: str, other: str) -> None:
    assert not set(word(one)) & set(word(other, 1))
    assert len(word(one)) == len(word(other))


def test_kinds_have_the_names_that_allow_takes() -> None:
    assert EffectKind("url-scheme") is EffectKind.URL_SCHEME
