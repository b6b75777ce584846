"""The files of the catalogue are read together: lists add up, contradictions are errors, a new file needs no code."""

import tomllib

import pytest

from .catalogue import CONTROLS, Catalogue, made_of
from .chapters import Chapters

SOUND = """
[passes]
every_role = ["service-greeting"]
mx = ["port-open"]
[sound.mx]
server = "postfix"
set = { one = "1" }
[twin.asked.mx]
[certificate.sound]
names = ["DNS:@host@"]
[backend.sound]
"""

BROKEN = """
[[server]]
name = "broken"
role = "mx"
what = "something"
set = { two = "2" }
must_fail = ["tls-cbc-suite"]
"""


def _read(**files: str) -> Catalogue:
    chapters = Chapters()
    for name, text in files.items():
        chapters.add(name, tomllib.loads(text))
    return made_of(chapters)


def test_a_chapter_brings_servers_and_passes() -> None:
    catalogue = _read(sound=SOUND, relay='[passes]\nmx = ["tls-cbc-suite", "tls-weak-suite"]\n' + BROKEN)
    sound, twin, broken = catalogue.entries
    assert sound.must_pass == {"service-greeting", "port-open", "tls-cbc-suite", "tls-weak-suite"}
    assert broken.must_pass == sound.must_pass - {"tls-cbc-suite"}
    assert broken.settings == {"one": "1", "two": "2"}
    assert (sound.chapter, broken.chapter) == ("sound", "relay")
    assert (twin.name, twin.group, twin.sound) == ("sound-mx-asked", "asked", True)


def test_what_a_role_fails_is_failed_by_all_of_it() -> None:
    catalogue = _read(sound=SOUND, lines='[fails]\nmx = ["auth-absent-on-mx"]\n' + BROKEN)
    assert [entry.must_fail for entry in catalogue.entries] == [
        {"auth-absent-on-mx"},
        {"auth-absent-on-mx"},
        {"auth-absent-on-mx", "tls-cbc-suite"},
    ]


def test_what_nobody_can_see_is_not_failed() -> None:
    hidden = BROKEN.replace("tls-cbc-suite", "starttls-offered")
    catalogue = _read(sound=SOUND, lines='[fails]\nmx = ["auth-absent-on-mx"]\n' + hidden)
    assert catalogue.entries[-1].must_fail == {"starttls-offered"}


def test_an_active_control_is_expected_in_its_group_only() -> None:
    passes = '[passes]\nmx = ["auth-works"]\n'
    asked = BROKEN.replace('role = "mx"', 'role = "mx"\ngroup = "asked"')
    sound, twin, quick, in_asked = _read(sound=SOUND + BROKEN, x=passes + asked.replace("broken", "other")).entries
    assert "auth-works" not in sound.must_pass | quick.must_pass
    assert "auth-works" in twin.must_pass & in_asked.must_pass


def test_chapters_change_a_twin_together() -> None:
    one, two = '[twin.asked.mx.set]\na = "1"\n', '[twin.asked.mx.set]\nb = "2"\n'
    assert _read(sound=SOUND, one=one, two=two).entries[1].settings == {"one": "1", "a": "1", "b": "2"}
    with pytest.raises(ValueError, match=r"two: twin\.asked\.mx\.set: a is '1' in another file"):
        _read(sound=SOUND, one=one, two=two.replace("b", "a"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BROKEN.replace("tls-cbc-suite", "tls-cbc"), "unknown controls"),
        (BROKEN.replace("tls-cbc-suite", "auth-works"), "group quick does not allow"),
        (BROKEN + BROKEN, "two servers are called broken"),
        (BROKEN + "backend = 'gone'", "unknown backend"),
        (BROKEN + "certificate = 'gone'", "unknown certificate"),
        (BROKEN + "group = 'gone'", "unknown group"),
        (BROKEN + "group = 'slow'", "no well-kept mx in group slow"),
        (BROKEN + "indeterminate = true", "cannot be proven to fail"),
        (BROKEN + "sett = 1", "unknown keys"),
        ("[passes]\nmxx = []", "no well-kept mxx"),
        ("[twin.quick.mx]", "no such group or role"),
        ("[sound.mx]\nserver = 'postfix'", "stands in another file"),
        ("[sounds.mx]", "unknown keys"),
    ],
)
def test_what_makes_no_sense_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        _read(sound=SOUND, chapter=text)


def test_a_control_that_nobody_can_see_is_no_control_of_the_lab() -> None:
    assert "tls-heartbleed" not in CONTROLS
