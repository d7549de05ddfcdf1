"""What strangers wrote, in every field and on every page: none of it runs, fetches, or bends the layout."""

import json
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from sessions import actions
from sessions.actions import SessionFilters
from sessions.mirror import drain, quarantine
from sessions.models import AuditEvent, Interaction, SavedView, Session, SessionTag
from sessions.records import InteractionDraft, InteractionKind
from tests.builders import ALICE, draft, make_session
from tests.views.pages import ADMIN_TABLES

FILE = Path(__file__).parent.parent / "fixtures" / "hostile" / "payloads.jsonl"
PAYLOADS: list[str] = [json.loads(line) for line in FILE.read_text().splitlines()]
HUGE = ["x" * 1_000_000, ">" * 100_000, "[" * 100_000, "*" * 100_000, "<b>" * 30_000, "|" * 100_000, "\x1b[" * 100_000]
USER = f"{PAYLOADS[0]} ../{'W' * 180}"
WIDTHS = (1280, 390)

# Whatever the browser made of a page, this finds in it what only a stranger can have put there.
AUDIT = r"""
(known) => {
  const found = [];
  const say = (element, what) => found.push(`${what}: ${element.outerHTML.slice(0, 120).toWellFormed()}`);
  const forbidden = "script, iframe, object, embed, base, meta, link, style, foreignObject, math, video, marquee, xmp";
  for (const element of document.body.querySelectorAll("*")) {
    if (known.some((selector) => element.matches(selector))) continue;
    if (element.matches(forbidden)) say(element, "element");
    for (const { name } of element.attributes) {
      if (/^on|^style$|^srcdoc$|^hx-on/.test(name)) say(element, name);
    }
    const { origin } = location;
    if (element.matches("a[href]")) {
      if (!["http:", "https:", "mailto:"].includes(element.protocol)) say(element, "link");
      else if (element.origin !== origin && !element.rel.includes("noopener")) say(element, "foreign link");
    }
    for (const name of ["src", "srcset", "poster", "action", "formaction", "hx-get", "data-hx-get", "xlink:href"]) {
      const url = element.getAttribute(name);
      if (url && new URL(url, location).origin !== origin) say(element, name);
    }
  }
  if (window.owned || document.title === "owned") found.push("it ran");
  return found;
}
"""
# What is wider than the window, named by its deepest elements.
WIDER = r"""
() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const scrolls = (element) => getComputedStyle(element).overflowX !== "visible";
  const clips = (element) => element && (scrolls(element) || clips(element.parentElement));
  const wide = [...document.body.querySelectorAll("*")].filter((element) => {
    const { left, right } = element.getBoundingClientRect();
    return (right > clientWidth + 1 || left < -1) && !clips(element.parentElement);
  });
  return [scrollWidth, ...wide.slice(-3).map((element) => element.outerHTML.slice(0, 200).toWellFormed())];
}
"""


# What Django's admin brings along.
ADMINS_OWN = ["script[src^='/static/']"]


def identifier(text: str, longest: int) -> str:
    """The text as far as a name may hold it."""
    return "".join(sign for sign in text if sign.isprintable() or ord(sign) > 0x2000)[:longest].strip() or "x"


def interactions() -> Iterator[InteractionDraft]:
    for payload, kind in zip(PAYLOADS, cycle(InteractionKind), strict=False):
        yield InteractionDraft(
            kind=kind,
            prompt=payload,
            response=payload,
            reasoning=payload,
            tool_name=payload[:255],
            tool_parameters={payload: [payload], "command": payload},
            model=payload[:255],
            status=payload[:64],
            error_message=payload,
            metadata={"attachments": [{"title": payload, "type": payload}], "tool_use_id": payload, payload: payload},
        )
    for text in HUGE:
        yield InteractionDraft(kind=InteractionKind.AGENT_RESPONSE, prompt=text, response=text, reasoning=text)
        yield InteractionDraft(kind=InteractionKind.TOOL_RESPONSE, response=text, error_message=text)
        yield InteractionDraft(kind=InteractionKind.TOOL_CALL, tool_parameters={"old_string": text, "new_string": ""})


def make_many() -> None:
    """A session for each payload, in every state; and all else that has names: for the lists."""
    now = timezone.now()
    rows = []
    for number, payload in enumerate(PAYLOADS):
        row = Session(pk=f"hostile-{number}", title=payload, opening=payload[:200], context_summary=payload)
        row.user_id, row.source = identifier(payload, 250), identifier(payload, 60)
        if number % 3 == 1:
            row.held_at, row.held_by, row.hold_reason = now, payload[:255], payload
        if number % 3 == 2:
            row.trashed_at, row.trashed_by, row.trash_reason = now, payload[:255], payload
        rows.append(row)
    Session.objects.bulk_create(rows)
    names = [identifier(payload, 100) for payload in PAYLOADS]
    SessionTag.objects.bulk_create(
        SessionTag(session_id=row.pk, name=name) for row, name in zip(rows, names, strict=True)
    )
    details = {"tags": names[:100], "reason": "\n".join(PAYLOADS[:100])}
    AuditEvent.objects.bulk_create(
        AuditEvent(actor=text[:255], face="browser", verb=verb, session_id=f"hostile-{number}", details=details)
        for (number, text), verb in zip(enumerate(PAYLOADS), cycle(["tested", "session_held", "bulk_done"]))
    )
    User.objects.bulk_create(User(username=f"{name}-{n}", is_staff=True) for n, name in enumerate(names[::4]))
    owner = User.objects.get(username="alice")
    SavedView.objects.bulk_create(
        SavedView(owner=owner, name=f"{name[:70]}-{n}", query=f"tag={name}") for n, name in enumerate(names[::4])
    )
    for payload in PAYLOADS[::4]:
        quarantine.keep(drain.layout(), [b"x"], key=payload, came_from=payload, reason=payload)


def make_conversation() -> Session:
    """A session that holds all payloads in each field of its interactions, and in its notes."""
    session = make_session(title="\n".join(PAYLOADS)[:1_000], user_id=USER)
    for payload in PAYLOADS[::12]:
        actions.add_note(session.pk, payload or "x", actor=ALICE)
    logged = actions.log_interactions(session.pk, list(interactions()), actor=ALICE)
    for row in logged[:240:12]:
        actions.pin_interaction(session.pk, row.pk, actor=ALICE)
    return session


def make_context() -> Session:
    """A session that holds all payloads in each of its own fields, of a user who prefers them all."""
    everything = {payload: payload for payload in PAYLOADS}
    actions.update_profile(USER, replace=everything, actor=ALICE)
    session = make_session(user_id=USER, metadata=everything, project_context=everything, turns=1)
    actions.update_context(
        session.pk,
        actor=ALICE,
        context_summary="\n".join(PAYLOADS),
        active_topics=[identifier(payload, 200) for payload in PAYLOADS[:100]],
        semantic_context=everything,
        tags=sorted({identifier(payload, 100) for payload in PAYLOADS[::8]}),
    )
    return session


def make_pair() -> tuple[Session, Session]:
    """Two sessions that disagree in all their fields."""
    pair = []
    for texts in (PAYLOADS[:120], PAYLOADS[120:]):
        everything = dict(zip(PAYLOADS, texts, strict=False))
        session = make_session(title=texts[0], user_id=USER, metadata=everything, project_context=everything)
        actions.update_context(session.pk, actor=ALICE, context_summary="\n".join(texts), semantic_context=everything)
        actions.log_interactions(session.pk, [draft(prompt=text, response=text) for text in texts], actor=ALICE)
        pair.append(session)
    return pair[0], pair[1]


def test_there_are_200_of_them() -> None:
    assert len(set(PAYLOADS)) >= 200


def test_a_conversation_runs_fetches_and_bends_nothing(page: Page) -> None:
    session = make_conversation()
    here = f"/sessions/{session.pk}/"
    starts = [*range(0, len(PAYLOADS), 60), len(PAYLOADS), len(PAYLOADS) + 15]
    assert misdeeds_of(page, [f"{here}?after={start}" for start in starts]) == []


def test_a_found_or_single_message_runs_fetches_and_bends_nothing(page: Page) -> None:
    session = make_conversation()
    long = len(PAYLOADS) + 1
    others = ["?view=plain", "?q=owned&at=3", "i/1/", f"i/{long}/", f"i/{long + 3}/?view=plain"]
    found = [f"/r/{session.pk}", "/search/?q=owned", "/search/?q=window+script", "/"]
    assert misdeeds_of(page, [*(f"/sessions/{session.pk}/{one}" for one in others), *found]) == []


def test_a_context_runs_fetches_and_bends_nothing(page: Page) -> None:
    session, other = make_context(), make_session(user_id=USER, turns=1)
    here = f"/sessions/{session.pk}/"
    pages = [here, f"{here}context/", f"{here}merge/", f"{here}merge/?with_session={other.pk}", f"{here}measures/"]
    pages += [reverse("sessions:user", args=[USER]), reverse("sessions:user-preferences", args=[USER])]
    assert misdeeds_of(page, [*pages, f"/r/{session.pk}"]) == []


def test_a_list_runs_fetches_and_bends_nothing(page: Page) -> None:
    make_many()
    plan = actions.plan_bulk("tag", sessions=SessionFilters(), tags=["<b>x"], chosen_by=PAYLOADS[0], actor=ALICE)
    lists = ["/", "/sessions/?state=all", "/sessions/?state=held", "/users/", "/activity/", "/trash/", "/health/"]
    lists += [
        "/cleanup/?idle_days=1",
        "/accounts/",
        "/accounts/new/",
        "/account/",
        f"/bulk/{plan.pk}/",
        "/search/?q=window",
    ]
    lists += [f"/sessions/?q={quote(PAYLOADS[0])}", f"/users/?q={quote(PAYLOADS[0])}", "/sessions/hostile-2/"]
    lists += ["/sessions/hostile-2/purge/", "/trash/purge/?session=hostile-2&session=hostile-5", "/r/hostile-1"]
    lists += [f"/accounts/{User.objects.create_user('x' * 150).pk}/"]
    lists += ["/search/?q=%22", "/search/?q=window", f"/search/?q={'x' * 600}"]
    assert misdeeds_of(page, lists) == []


def test_a_merge_runs_fetches_and_bends_nothing(page: Page) -> None:
    one, other = make_pair()
    survivor, absorbed = make_pair()
    merged = actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    pages = [f"/merge/?id={one.pk}&id={other.pk}", f"/merges/{merged.pk}/", f"/sessions/{survivor.pk}/"]
    pages += [f"/sessions/{one.pk}/merge/?with_session={other.pk}"]
    names = [identifier(payload, 250) for payload in (PAYLOADS[0], PAYLOADS[228])]
    for name in names:
        actions.update_profile(name, replace=dict.fromkeys(PAYLOADS, name), actor=ALICE)
    pages += [f"{reverse('sessions:user-merge', args=[names[0]])}?with_user={quote(names[1])}"]
    pages += [reverse("sessions:user", args=[name]) for name in names]
    assert misdeeds_of(page, pages) == []


def test_the_admin_runs_and_fetches_nothing(page: Page) -> None:
    make_many()
    make_pair()
    wrong = []
    for table in ADMIN_TABLES:
        page.goto(reverse(f"admin:conversations_{table}_changelist"))
        wrong += [f"{table}: {what}" for what in page.evaluate(AUDIT, ADMINS_OWN)]
    first = Interaction.objects.order_by("pk")[0]
    for one in (Session.objects.get(pk="hostile-2"), first):
        page.goto(reverse(f"admin:conversations_{one._meta.model_name}_change", args=[one.pk]))
        wrong += [f"{one}: {what}" for what in page.evaluate(AUDIT, ADMINS_OWN)]
    assert wrong == []


def misdeeds_of(page: Page, urls: Iterable[str]) -> list[str]:
    """What pages show or do that they may not, with all of it unfolded, wide and narrow."""
    return [f"{url}: {what}" for url in urls for what in _misdeeds_of(page, url)]


def _misdeeds_of(page: Page, url: str) -> Iterator[str]:
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    answer = page.goto(url)
    if answer is None or answer.status != 200:
        yield f"no answer: {answer and answer.status}"
    page.evaluate("for (const fold of document.querySelectorAll('main details')) fold.open = true")
    yield from page.evaluate(AUDIT, [])
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if found := page.evaluate(WIDER):
            yield f"wider than {width}: {found}"
