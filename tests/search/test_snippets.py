"""What a hit shows of the live text."""

from sessions.search.query import parse
from sessions.search.snippets import Snippet, highlighted, snippet


def of(text: str, asked: str) -> Snippet | None:
    return snippet([("response", text)], parse(asked).words, field="response", place=0)


def marked(text: str, asked: str) -> str:
    shown = of(text, asked)
    assert shown is not None
    return "".join(f"[{piece.text}]" if piece.found else piece.text for piece in shown.pieces)


def test_it_marks_what_was_found_as_it_stands_in_the_text() -> None:
    assert marked("Un café crème", "cafe") == "Un [café] crème"
    assert marked("call createOrResume now", "resume") == "call createOr[Resume] now"
    assert marked("call createOrResume now", "createorresume") == "call [createOrResume] now"
    assert marked("raise seat_hold_expired(x)", "hold_expired") == "raise seat_[hold_expired](x)"
    assert marked("これは全文検索です", "全文 検索") == "これは[全文][検索]です"
    assert marked("Straße", "strasse") == "[Straße]"
    assert marked("thermocouple", "thermo*") == "[thermocouple]"
    assert marked("done 🎉!", "🎉") == "done [🎉]!"
    assert marked("seat seat hold", '"seat hold"') == "seat [seat hold]"


def test_it_shows_the_place_where_most_words_stand() -> None:
    text = "seat " + "filler " * 200 + "the seat is on hold here " + "filler " * 200
    shown = marked(text, "seat hold")
    assert "[seat] is on [hold] here" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 300


def test_it_shows_nothing_of_a_text_that_does_not_hold_every_word() -> None:
    assert of("only the seat", "seat hold") is None
    assert of("", "seat") is None


def test_words_may_stand_in_different_fields() -> None:
    fields = [("prompt", "the seat"), ("response", "on hold, on hold")]
    shown = snippet(fields, parse("seat hold").words, field="prompt", place=0)
    assert shown is not None
    assert shown.field == "prompt"


def test_it_begins_where_the_passage_does() -> None:
    text = "seat " * 3 + "end seat"
    shown = snippet([("prompt", "seat"), ("response", text)], parse("seat").words, field="response", place=15)
    assert shown is not None
    assert "".join(piece.text for piece in shown.pieces if piece.found) == "seat"


def test_without_words_it_shows_the_beginning() -> None:
    assert marked("It begins so.\n\tAnd  goes on.", "tool:Bash") == "It begins so. And goes on."


def test_it_marks_titles_whole() -> None:
    assert [tuple(piece) for piece in highlighted("Ferry double booking", parse("ferry").words)] == [
        ("Ferry", True),
        (" double booking", False),
    ]
