"""Texts cut into what both databases can hold."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sessions.search import analysis
from sessions.search.passages import BREAK, TERMS, _in_pieces, cut, flat
from sessions.search.query import MAX_PHRASE_TERMS


def test_a_short_interaction_is_one_passage_with_breaks() -> None:
    (only,) = cut([("prompt", "one two"), ("response", ""), ("error_message", "three")])
    assert (only.field, only.place, only.terms) == ("prompt", 0, "one two _ three")


def test_what_has_no_term_has_no_passage() -> None:
    assert list(cut([("prompt", ""), ("response", " … ")])) == []


def test_words_in_one_piece_stand_behind_all_else() -> None:
    (only,) = cut([("prompt", "createOrResume x createOrResume")])
    assert only.terms == "create or resume x create or resume _ createorresume"


def test_passages_overlap_by_a_phrase_and_tell_where_they_begin() -> None:
    text = " ".join(f"w{number}" for number in range(3_000))
    first, second, *_ = cut([("prompt", "head"), ("response", text)])
    terms = second.terms.split(" ")
    assert len(first.terms.split(" ")) == TERMS
    assert first.terms.split(" ")[-(MAX_PHRASE_TERMS - 1) :] == terms[: MAX_PHRASE_TERMS - 1]
    assert second.field == "response"
    assert text[second.place :].startswith(f"{terms[0]} ")


def test_no_term_stands_in_a_passage_more_often_than_postgresql_remembers() -> None:
    passages = list(cut([("response", "again and again " * 3_000)]))
    for one in passages:
        assert max(Counter(one.terms.split(" ")).values()) <= 255


def test_it_reads_json_as_names_and_values() -> None:
    value = {"command": "ls\n-l", "files": ["a.py", {"deep": True}], "none": None, "empty": ""}
    assert flat(value) == "command: ls\n-l\nfiles: a.py\ndeep: True"
    assert flat("text") == "text"
    assert flat(None) == ""


@given(st.lists(st.text(max_size=80), max_size=4))
def test_every_term_of_every_text_is_in_a_passage(texts: list[str]) -> None:
    held = {term for one in cut([("prompt", text) for text in texts]) for term in one.terms.split(" ")}
    assert {term for text in texts for term in analysis.terms(text)} <= held | {BREAK}


_ODD = ["plain", "createOrResume", "HTTPServer", "Größe", "漢字", "x" * 70, "a1B", "12", "AB1c", "…", "_"]
_WORDS = st.lists(st.sampled_from(_ODD), max_size=12).map(" ".join)


@given(st.lists(st.tuples(st.sampled_from(["prompt", "response"]), st.text(max_size=80) | _WORDS), max_size=4))
def test_the_short_way_makes_what_the_long_one_does(fields: list[tuple[str, str]]) -> None:
    assert list(cut(fields)) == list(_in_pieces(fields))


@given(st.text() | _WORDS)
def test_terms_without_places_are_those_with(text: str) -> None:
    told = list(analysis.tokens(text))
    assert analysis.spoken(text) == ([token.term for token in told], [token.joined for token in told if token.joined])
