"""The pages about users, whatever they call themselves."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st

from sessions import actions
from sessions.models import Profile, Session, UserMerge
from sessions.user_forms import read_value, spelled
from sessions.views.addresses import UserConverter
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
HOSTILE = [
    "..",
    ".",
    "../../etc/passwd",
    "a/b",
    "/",
    "//evil.example",
    "a//b/",
    "a\\b",
    "what?",
    "50%",
    "%2F",
    "#1",
    "a b",
    "~2F",
    "~",
    "merge",
    "a;b",
    "Ärger",
    "團隊",
    "سارة",
    "👩‍🚀",
    "<script>alert(1)</script>",
    "\"' onmouseover=alert(1) x='",
    "{{ 7|add:7 }}",
    "x" * 255,
    "é" * 255,
]


# --- Addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", HOSTILE)
def test_it_finds_whatever_a_user_is_called(staff: Client, user_id: str) -> None:
    Session.objects.create(pk="one", user_id=user_id)
    address = reverse("sessions:user", args=[user_id])
    assert "/../" not in address
    assert "//" not in address
    page = staff.get(address)
    assert page.status_code == 200
    assert page.context["profile"].pk == user_id
    assert "<script>alert(1)" not in page.text
    assert "\"' onmouseover" not in page.text
    assert escape(address) in staff.get("/users/").text
    assert staff.get(f"{address}merge/").context["kept"] == user_id


@given(st.text(min_size=1, max_size=255))
def test_an_address_leads_back_to_its_user(user_id: str) -> None:
    converter = UserConverter()
    segment = converter.to_url(user_id)
    assert "/" not in segment
    assert segment.strip(".")
    assert converter.to_python(segment) == user_id


def test_it_says_when_there_is_no_such_user(staff: Client) -> None:
    for address in ("/users/nobody/", "/users/nobody/preferences/", "/users/nobody/merge/", "/users/~/"):
        answer = staff.get(address)
        assert answer.status_code == 404, address
        assert "No such user" in answer.text
    assert not Profile.objects.exists()


# --- The list -----------------------------------------------------------------------------------------------


def test_it_narrows_sorts_and_pages(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.users.PAGE_USERS", 2)
    for name in ("ann", "anna", "annie", "bob"):
        make_session(user_id=name)
    first = staff.get("/users/", {"q": "an", "sort": "name"})
    assert [row.user_id for row in first.context["found"].users] == ["ann", "anna"]
    second = staff.get("/users/" + first.context["next_page"], headers=HTMX)
    assert "annie" in second.text
    assert "bob" not in second.text
    assert second.text.lstrip().startswith("<section")
    assert "q=an" in second["HX-Push-Url"]


def test_it_says_that_nobody_has_talked_yet_and_that_nobody_fits(staff: Client) -> None:
    assert "Nobody has talked yet" in staff.get("/users/").text
    assert "begins with" in staff.get("/users/", {"q": "<b>"}).text


def test_it_explains_anonymous(staff: Client) -> None:
    make_session(user_id="anonymous")
    assert "did not say who they are" in staff.get("/users/").text
    page = staff.get("/users/anonymous/").text
    assert "Not one person" in page
    assert "/users/anonymous/merge/" not in page


def test_it_shows_readers_no_way_to_change_anything(staff: Client, reader: Client) -> None:
    make_session(user_id="ann")
    make_session(user_id="anna")
    merge = actions.merge_users("ann", absorbed="anna", actor=ALICE)
    page = reader.get("/users/ann/").text
    assert "<form" not in page.split("<main")[1].split("</main>")[0]
    assert "/users/ann/preferences/" not in page
    for address in (f"/user-merges/{merge.pk}/undo/", "/users/ann/preferences/", "/users/ann/merge/"):
        assert reader.post(address).status_code == 403
    assert Session.objects.filter(user_id="ann").count() == 2


# --- Preferences --------------------------------------------------------------------------------------------


def rows(before: dict[str, Any], *pairs: tuple[str, str], **more: Any) -> dict[str, Any]:
    data = {"before": json.dumps(before), "rows": len(pairs), **more}
    for number, (name, value) in enumerate(pairs):
        data |= {f"name-{number}": name, f"value-{number}": value}
    return data


@pytest.fixture
def bob() -> str:
    make_session(user_id="bob")
    actions.update_profile("bob", actor=ALICE, replace={"lang": "de", "n": [1, {"a": None}]})
    return "/users/bob/preferences/"


def stored() -> dict[str, Any]:
    return dict(Profile.objects.get(pk="bob").preferences)


def test_what_is_shown_and_saved_as_it_is_changes_nothing(staff: Client, bob: str) -> None:
    actions.update_profile("bob", actor=ALICE, replace={"v": "3.10", "t": "true", "e": "", "s": " x", "l": "a\nb"})
    before = stored()
    form = staff.get(bob).context["form"]
    data = {field.html_name: field.value() for field in form if field.value() not in (None, False)}
    staff.post(bob, data)
    assert stored() == before


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )
)
def test_a_value_is_read_as_it_is_spelled(value: Any) -> None:
    shown = spelled(value)
    assert "\n" not in shown
    assert json.dumps(read_value(shown)) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("true", True), ("3.10", "3.10"), ("1e5", "1e5"), ("NaN", "NaN"), ("yes", "yes"), ('"1"', "1")],
)
def test_a_value_means_what_people_expect(text: str, value: Any) -> None:
    assert read_value(text) == value
    assert type(read_value(text)) is type(value)


def test_it_saves_rows_and_undoes_it(staff: Client, bob: str) -> None:
    before = stored()
    data = rows(before, ("lang", "fr"), ("n", "[1]"), ("new", "a text"), ("gone", "x"), ("", ""), **{"remove-3": "on"})
    page = staff.post(bob, data, follow=True)
    assert stored() == {"lang": "fr", "n": [1], "new": "a text"}
    revision = Profile.objects.get(pk="bob").revision
    undo = f"{bob}{revision}/undo/"
    assert f'action="{undo}"' in page.text
    staff.post(undo)
    assert stored() == before
    assert staff.post(undo).status_code == 409


def test_it_saves_json(staff: Client, bob: str) -> None:
    data = {"before": json.dumps(stored()), "preferences": '{"z": 1, "a": {"b": "c"}}'}
    assert staff.post(f"{bob}?as=json", data).status_code == 302
    assert list(stored().items()) == [("z", 1), ("a", {"b": "c"})]


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([("a", "1"), ("a", "2")], "name-1"),
        ([("", "lonely")], "name-0"),
        ([("a", '{"b": 1')], "value-0"),
        ([("a", '"b')], "value-0"),
        ([("x" * 1001, "1")], "name-0"),
    ],
)
def test_it_tells_what_is_wrong_at_its_field(staff: Client, bob: str, pairs: list[tuple[str, str]], field: str) -> None:
    before = stored()
    answer = staff.post(bob, rows(before, *pairs))
    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert "wrong" in answer.text
    assert stored() == before


@pytest.mark.parametrize("text", ["{", "[1]", "x", '{"a": NaN}', '{"a": ' + "9" * 40 + "}"])
def test_it_tells_what_is_wrong_with_json(staff: Client, bob: str, text: str) -> None:
    before = stored()
    answer = staff.post(f"{bob}?as=json", {"before": json.dumps(before), "preferences": text})
    assert answer.status_code == 400
    assert stored() == before


@pytest.mark.parametrize(
    "nonsense", [{}, {"rows": "x"}, {"rows": "-1"}, {"before": "x", "rows": "1"}, {"rows": "99999"}]
)
def test_it_survives_forms_that_nobody_sent(staff: Client, bob: str, nonsense: dict[str, str]) -> None:
    before = stored()
    assert staff.post(bob, nonsense).status_code in (200, 400)
    assert stored() == before


def test_it_shows_what_somebody_else_saved_meanwhile_and_loses_nothing(staff: Client, bob: str) -> None:
    seen = stored()
    actions.update_profile("bob", actor=ALICE, replace={"lang": "en", "theirs": "kept"})
    answer = staff.post(bob, rows(seen, ("lang", "fr"), ("n", "[2]")))
    assert answer.status_code == 409
    assert stored() == {**seen, "lang": "en", "theirs": "kept"}
    assert [(row["name"], row["theirs"], row["yours"]) for row in answer.context["disputed"]] == [("lang", "en", "fr")]
    again = {field.html_name: field.value() for field in answer.context["form"] if field.value() not in (None, False)}
    assert staff.post(bob, again).status_code == 302
    assert stored() == {"lang": "fr", "n": [2], "theirs": "kept"}


def test_it_keeps_what_somebody_else_saved_elsewhere(staff: Client, bob: str) -> None:
    seen = stored()
    actions.update_profile("bob", actor=ALICE, replace={"theirs": "kept"})
    page = staff.post(bob, rows(seen, ("lang", "fr"), ("n", '[1, {"a": null}]')), follow=True)
    assert "somebody else saved meanwhile" in page.text
    assert stored() == {**seen, "lang": "fr", "theirs": "kept"}


def test_it_offers_json_alone_for_very_many_preferences(staff: Client, bob: str) -> None:
    actions.update_profile("bob", actor=ALICE, replace={f"k{n}": n for n in range(150)})
    page = staff.get(bob)
    assert page.context["as_text"]
    assert "?as=json" in page.text


# --- Merging ------------------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> None:
    for name, language in (("ann", "de"), ("anna", "en")):
        make_session(user_id=name, turns=1)
        actions.update_profile(name, actor=ALICE, replace={"lang": language})


@pytest.mark.usefixtures("pair")
def test_it_previews_and_changes_nothing(staff: Client) -> None:
    page = staff.get("/users/ann/merge/", {"with_user": "anna"})
    assert page.context["preview"].sessions == 1
    assert 'name="choice-0" value="absorbed"' in page.text
    part = staff.get("/users/ann/merge/?with_user=anna", headers=HTMX).text
    assert part.lstrip().startswith('<section id="preview"')
    assert not UserMerge.objects.exists()


@pytest.mark.usefixtures("pair")
def test_it_merges_with_the_choice_and_takes_it_back(staff: Client) -> None:
    data = {"with_user": "anna", "conflict-0": "lang", "choice-0": "absorbed"}
    page = staff.post("/users/ann/merge/", data, follow=True).text
    done = UserMerge.objects.get()
    assert Profile.objects.get(pk="ann").preferences == {"lang": "en"}
    assert page.count(f'action="/user-merges/{done.pk}/undo/"') == 2
    assert "anna" in page
    staff.post(f"/user-merges/{done.pk}/undo/")
    assert Profile.objects.get(pk="ann").preferences == {"lang": "de"}
    assert Session.objects.filter(user_id="anna").count() == 1


@pytest.mark.usefixtures("pair")
def test_an_absorbed_users_page_leads_to_the_kept_one(staff: Client) -> None:
    actions.merge_users("ann", absorbed="anna", actor=ALICE)
    answer = staff.get("/users/anna/", follow=True)
    assert answer.redirect_chain == [("/users/ann/", 302)]
    assert "“anna” was merged into this user." in answer.text
    assert staff.get("/users/anna/merge/").context["kept"] == "ann"
    assert staff.get("/users/anna/preferences/").context["profile"].pk == "ann"


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("absorbed", ["ann", "anonymous", "nobody", "x" * 300, "\t"])
def test_it_says_who_cannot_be_merged(staff: Client, absorbed: str) -> None:
    answer = staff.get("/users/ann/merge/", {"with_user": absorbed})
    assert answer.status_code == 200
    assert not answer.context["preview"]
    if absorbed.strip():
        assert answer.context["form"].errors["with_user"]
    assert staff.post("/users/ann/merge/", {"with_user": absorbed}).status_code in (200, 404, 409)
    assert not UserMerge.objects.exists()
