"""A virtual clock over days of many years and zones: one notice walks its ladder, and the rules hold at every send."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from clinic.hours import Hours
from push.channel import Way
from push.consent import ConsentChannel, allowed
from push.contact import Case, Person, Rules, Step, step
from push.gate import Hold, Send, Stop
from push.kinds import KINDS, Lane, Shift
from push.ladder import Wishes
from push.line import WAYS as PROVIDERS
from push.line import Line
from push.notice import NoticeKind, Purpose
from push.quiet import QuietHours
from tests.push.phones import HOUR

CLINIC = UUID(int=7)
LINES = {
    (CLINIC, way): [Line(CLINIC, UUID(int=number), way.value, provider, {}, "", 1, 600)]
    for number, (provider, way) in enumerate(PROVIDERS.items())
}
C = ConsentChannel
CHANNELS = st.sampled_from([each for each in C if each is not C.USE])
ZONES = st.sampled_from(["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"])
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds it
WALLS = st.integers(0, 23).map(time)
QUIET = st.builds(QuietHours, ZONES, WALLS, WALLS).filter(lambda each: each.starts != each.ends)
HOURS = st.builds(Hours, ZONES, st.just(time(9)), st.just(time(20)), st.just(frozenset(range(6))))
WISHES = st.builds(Wishes, st.permutations([C.EMAIL, C.SMS]).map(tuple), st.sets(CHANNELS, max_size=2).map(frozenset))
PEOPLE = st.builds(
    Person, zone=ZONES, language=st.just("it"), phone=st.none() | st.just("+390255501234"),
    email=st.none() | st.just("anna@example.com"), chats=st.just(()) | st.just(("100",)),
    dead=st.just(frozenset()) | st.just(frozenset({(Way.EMAIL, "anna@example.com")})),
    words=st.dictionaries(CHANNELS, st.booleans()), quiet=st.none() | QUIET, wishes=WISHES,
)  # fmt: skip
RULES = st.builds(
    Rules, calls=st.booleans(), closed_on=st.sets(st.dates(date(2015, 1, 1), date(2032, 12, 31))).map(frozenset)
)


def case_of(
    kind: NoticeKind, purpose: Purpose, begins: datetime, hours: Hours | None, who: Person, rules: Rules
) -> Case:
    ends = begins + KINDS[kind].life
    return Case(
        UUID(int=1), CLINIC, kind, purpose, begins, ends, hours, silent=False, cancelled=False, tried=frozenset(),
        accepted=False, delivered=False, opened=False, person=who, rules=rules,
    )  # fmt: skip


def walk(case: Case, has_phone: bool, opt_out: tuple[ConsentChannel, timedelta]) -> list[tuple[datetime, Case, Step]]:
    """What is sent, when: the worker looks when it is told to, until there is nothing left to look for."""
    sent: list[tuple[datetime, Case, Step]] = []
    now = case.not_before - 10 * HOUR if KINDS[case.kind].shift is Shift.EARLIER else case.not_before
    withdrawn = case.not_before + opt_out[1]
    for _ in range(60):
        if now >= withdrawn:
            words = {**case.person.words, opt_out[0]: False}
            case = replace(case, person=replace(case.person, words=words))
        found = step(case, LINES, has_phone, frozenset(), now)
        if isinstance(found.passage, Hold):
            assert found.passage.until > now
            now = found.passage.until
            continue
        tried = {*case.tried, *(channel for channel, _ in found.climb.passed)}
        if not isinstance(found.passage, Send) or found.channel is None:
            return sent
        sent.append((now, case, found))
        case = replace(case, tried=frozenset({*tried, found.channel}), accepted=True)
        if found.climb.limit is None or now + found.climb.limit >= case.expires_at:
            return sent
        now += found.climb.limit
    raise AssertionError("it never comes to an end")


@settings(max_examples=300)
@given(
    st.sampled_from(list(NoticeKind)), st.sampled_from(list(Purpose)), MOMENTS, st.none() | HOURS, PEOPLE, RULES,
    st.booleans(), st.tuples(CHANNELS, st.timedeltas(timedelta(0), timedelta(days=3))),
)  # fmt: skip
def test_nobody_is_reached_when_or_where_they_do_not_want_it(
    kind: NoticeKind, purpose: Purpose, begins: datetime, hours: Hours | None, who: Person, rules: Rules,
    has_phone: bool, opt_out: tuple[ConsentChannel, timedelta],
) -> None:  # fmt: skip
    sent = walk(case_of(kind, purpose, begins, hours, who, rules), has_phone, opt_out)
    ways = [found.channel for _, _, found in sent]
    assert len(ways) == len(set(ways))
    for at, case, found in sent:
        channel = found.channel
        assert channel is not None
        assert channel in KINDS[kind].channels
        assert at < case.expires_at
        assert case.claimed(channel).window.suits(at)
        assert allowed(purpose, channel, case.person.words.get(channel))
        assert not (channel is opt_out[0] and at >= begins + opt_out[1])
        assert channel not in who.wishes.never
        assert has_phone or channel is not C.PUSH
        assert rules.calls or channel is not C.CALL
        assert all(case.person.still_has(each.way, each.text) for each in found.addresses)
        assert bool(found.addresses) is (channel not in (C.PUSH, C.CALL))
    if kind in (NoticeKind.OFFER, NoticeKind.SURVEY, NoticeKind.CHAT):
        assert len(sent) <= 1  # a provider had it


@given(MOMENTS, PEOPLE, st.integers(1, 80))
def test_who_is_muted_hears_of_visits_and_the_chat_alone(begins: datetime, who: Person, hours: int) -> None:
    muted = replace(who, muted_until=begins + hours * HOUR, words={C.PUSH: True}, quiet=None, wishes=Wishes())
    for kind, told in KINDS.items():
        found = step(case_of(kind, told.purpose, begins, None, muted, Rules()), LINES, True, frozenset(), begins)
        if told.lane is Lane.URGENT:
            assert isinstance(found.passage, Send)
        elif isinstance(found.passage, Hold):
            assert found.passage.until >= begins + hours * HOUR
        else:
            assert isinstance(found.passage, Stop)
            assert found.passage.reason == "muted-until-expiry"
