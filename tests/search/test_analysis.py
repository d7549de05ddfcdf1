"""Texts as terms, and where in the text each stands."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.search.analysis import LONGEST_TERM, terms, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seat_hold-expired.now", "seat hold expired now"),
        ("src/app/views.py:42", "src app views py 42"),
        ("createOrResume HTTPServer utf8Decoder", "create or resume http server utf8 decoder"),
        ("SHA256 Bash README", "sha256 bash readme"),
        ("café CAFÉ cafe\u0301 Straße", "cafe cafe cafe strasse"),
        ("İstanbul ISTANBUL Ελλάδα ΕΛΛΆΔΑ", "istanbul istanbul ελλαδα ελλαδα"),
        ("全文検索 ｶﾞ か\u3099", "全 文 検 索 ガ が"),
        ("한국어 สวัสดี", "한 국 어 ส ว ั ส ด ี"),
        ("שָׁלוֹם مَرْحَبًا नमस्ते", "שלום مرحبا नमस्ते"),
        ("ﬁle ＡＢＣ ½ 𝔘nicode", "file abc 1 2 unicode"),
        ("done🎉⚠️ok", "done 🎉 ⚠ ok"),
        ("-> == \u200b \n", ""),
    ],
)
def test_it_makes_terms(text: str, expected: str) -> None:
    assert " ".join(terms(text)) == expected


def test_it_keeps_a_camel_case_word_in_one_piece_too() -> None:
    first, *rest = tokens("call createOrResume now")
    assert (first.term, first.joined) == ("call", "")
    assert (rest[0].term, rest[0].joined) == ("create", "createorresume")
    assert "call createOrResume now"[rest[0].start : rest[0].joined_end] == "createOrResume"
    assert [token.joined for token in rest[1:]] == ["", "", ""]


def test_it_says_where_a_term_stands() -> None:
    text = "Un café, createOrResume ﬁle 全文"
    assert [text[one.start : one.end] for one in tokens(text)] == [
        "Un", "café", "create", "Or", "Resume", "ﬁle", "全", "文",
    ]  # fmt: skip


def test_it_cuts_what_no_database_would_keep() -> None:
    assert {len(term) for term in terms("x" * 5 * LONGEST_TERM)} == {LONGEST_TERM}
    assert len(terms("é" * 1_000_000)) == 1_000_000 // LONGEST_TERM


def test_it_reads_on_from_any_terms_start() -> None:
    text = "one twoThree café 全文 end"
    for token in tokens(text):
        if token.start == 0 or not text[token.start - 1].isalnum():
            assert [one.term for one in tokens(text, token.start)] == [
                one.term for one in tokens(text) if one.start >= token.start
            ]


@given(st.text(max_size=200))
def test_its_terms_stand_in_order_within_the_text_and_hold_no_blank(text: str) -> None:
    found = list(tokens(text))
    for one in found:
        assert one.term
        assert not any(sign.isspace() or sign in "_'\"\\" for sign in one.term)
        assert 0 <= one.start < one.end <= len(text)
    assert [one.start for one in found] == sorted(one.start for one in found)


@given(st.text(max_size=60))
def test_it_reads_composed_and_decomposed_letters_alike(text: str) -> None:
    assert terms(unicodedata.normalize("NFC", text)) == terms(unicodedata.normalize("NFD", text))


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=100))
def test_the_quick_way_for_ascii_is_the_general_one(text: str) -> None:
    assert terms(text) == terms(f"é {text}")[1:]
