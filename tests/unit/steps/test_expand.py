"""Variable expansion, rule by rule as Docker does it."""

from __future__ import annotations

from contextlib import suppress
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamella.steps.expand import ExpansionError, expand_body, expand_word, expand_words

_VARIABLES = {"X": "x", "EMPTY": "", "P": "foobarbaz", "D": "/usr/local/bin", "S": "a b  c", "_u1": "u", "Q": '"q"'}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("plain", "plain"),
        ("$X", "x"),
        ("${X}", "x"),
        ("${X}y", "xy"),
        ("$Xy", ""),
        ("$_u1-", "u-"),
        ("$unset", ""),
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("$/", "$/"),
        ("$1x", "x"),
        ("$12", ""),
        ("$@$#$!", ""),
        ("$$X", "X"),
        # defaults
        ("${X:-y}", "x"),
        ("${EMPTY:-y}", "y"),
        ("${EMPTY-y}", ""),
        ("${unset-y}", "y"),
        ("${unset:-}", ""),
        ("${X:+y}", "y"),
        ("${X+y}", "y"),
        ("${EMPTY:+y}", ""),
        ("${EMPTY+y}", "y"),
        ("${unset+y}", ""),
        ("${X:?no}", "x"),
        ("${EMPTY?no}", ""),
        ("${unset:-$X}", "x"),
        ("${unset:-${unset:-${X}}}", "x"),
        ("${unset:-a b}", "a b"),
        ('${unset:-"}"}', "}"),
        (r"${unset:-\}}", "}"),
        # patterns
        ("${P#foo}", "barbaz"),
        ("${P#*b}", "arbaz"),
        ("${P##*b}", "az"),
        ("${P%b*}", "foobar"),
        ("${P%%b*}", "foo"),
        ("${P%baz}", "foobar"),
        ("${P#none}", "foobarbaz"),
        ("${D##*/}", "bin"),
        ("${D%/*}", "/usr/local"),
        ("${P#f?o}", "barbaz"),
        (r"${unset#\*}", ""),
        ("${P#$unset}", "foobarbaz"),
        ("${P/ba/BA}", "fooBArbaz"),
        ("${P//ba/BA}", "fooBArBAz"),
        ("${P/b*z/}", "foo"),
        ("${P//o}}", None),
        (r"${D/\//:}", ":usr/local/bin"),
        (r"${D//\//:}", ":usr:local:bin"),
        ("${P/./-}", "foobarbaz"),
        (r"${P/o/\1}", r"f\1obarbaz"),
        ("${unset/a/b}", ""),
        ("${P/${X:+foo}/$X}", "xbarbaz"),
        # quotes and escapes
        ('"$X"', "x"),
        ("'$X'", "$X"),
        (r"\$X", "$X"),
        (r'"\$X"', "$X"),
        (r'"\a\"\\"', r'\a"' + "\\"),
        ('"it\'s"', "it's"),
        ("'a\"b'", 'a"b'),
        (r"a\ b", "a b"),
        (r"\\", "\\"),
        ("end\\", "end"),
        ("a b  c", "a b  c"),
        ("$S", "a b  c"),
        ("$Q", '"q"'),
        ("''", ""),
        ("é$X-世", "éx-世"),
        ("$X世", ""),
    ],
)
def test_a_word_expands_as_docker_expands_it(word: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ExpansionError):
            expand_word(word, _VARIABLES)
    else:
        assert expand_word(word, _VARIABLES) == expected


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("'a", "closing '"),
        ('"a', 'closing "'),
        ('"${X', "'}'"),
        ("${", "substitution"),
        ("${}", "substitution"),
        ("${{X}", "substitution"),
        ("${:X}", "substitution"),
        ("${X", "missing '}'"),
        ("${X:-y", "missing '}'"),
        ("${X^}", "unsupported modifier '^'"),
        ("${X:y}", "unsupported modifier 'y'"),
        ("${X/a", "missing '/'"),
        ("${X/a/b", "missing '}'"),
        (r"${P#\a}", "invalid escape"),
        ("${unset?}", "unset: must be set"),
        ("${unset:?set it}", "unset: set it"),
        ("${EMPTY:?}", "EMPTY: must be set and not empty"),
    ],
)
def test_what_cannot_be_expanded_says_why(word: str, reason: str) -> None:
    with pytest.raises(ExpansionError) as caught:
        expand_word(word, _VARIABLES)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("$S", ["a", "b", "c"]),
        ('"$S"', ["a b  c"]),
        ("pre$S", ["prea", "b", "c"]),
        ("a' 'b", ["a b"]),
        (r"a\ b", ["a b"]),
        ("$EMPTY", []),
        ("''", []),
        ("${unset:-1 2}", ["1", "2"]),
        ('${unset:-"1 2"}', ["1", "2"]),
    ],
)
def test_splitting_comes_after_expansion_and_heeds_quotes(word: str, expected: list[str]) -> None:
    assert expand_words(word, _VARIABLES) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("`$X", "$X"), ("\\$X", "\\x"), ('"`""', '"'), ("C:\\dir\\$X", "C:\\dir\\x"), ("a` b", "a b")],
)
def test_the_escape_character_of_the_directive_escapes(word: str, expected: str) -> None:
    assert expand_word(word, _VARIABLES, "`") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('it\'s "$X"\n', 'it\'s "x"\n'),
        ("'$X'\n", "'x'\n"),
        ("\\$X ${X:-y}\n", "$X x\n"),
        ('unclosed "\n', 'unclosed "\n'),
    ],
)
def test_quotes_mean_nothing_in_a_here_document(body: str, expected: str) -> None:
    assert expand_body(body, _VARIABLES) == expected


@given(st.text())
def test_a_single_quoted_word_is_itself(text: str) -> None:
    quoted = "'" + text.replace("'", "'\\''") + "'"
    assert expand_word(quoted, _VARIABLES) == text


@given(st.text("$X{}:-+?#%/'\"\\ab ", max_size=20))
def test_any_word_expands_or_is_refused(word: str) -> None:
    for expand in (expand_word, expand_words, expand_body):
        with suppress(ExpansionError):
            assert isinstance(expand(word, _VARIABLES), (str, list))


@given(st.text("ab", max_size=8), st.text("ab*?", max_size=5))
def test_trimming_agrees_with_fnmatch(value: str, pattern: str) -> None:
    starts = [value[:end] for end in range(len(value) + 1) if fnmatchcase(value[:end], pattern)]
    ends = [value[start:] for start in range(len(value) + 1) if fnmatchcase(value[start:], pattern)]
    variables = {"V": value}
    assert expand_word(f"${{V#{pattern}}}", variables) == value[len(min(starts, key=len, default="")) :]
    assert expand_word(f"${{V##{pattern}}}", variables) == value[len(max(starts, key=len, default="")) :]
    assert expand_word(f"${{V%{pattern}}}", variables) == value[: len(value) - len(min(ends, key=len, default=""))]
    assert expand_word(f"${{V%%{pattern}}}", variables) == value[: len(value) - len(max(ends, key=len, default=""))]
