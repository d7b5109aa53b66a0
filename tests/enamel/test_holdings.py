"""Every table says what it holds of a person, and every promise an erasure makes can be kept."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from sqlalchemy import Table

from clinic.household import EVERY_SCOPE
from core.holding import Fate, Holding, of_copy
from core.private import private_tables
from core.schema import APPEND_ONLY, ERASABLE
from enamel.worker.archive import HOLDINGS
from tests.enamel.filled import HELD, TABLES, WORDS_OF_NOBODY

# Tables that hold nothing of patients, each with what it holds instead. A new table is put here or into the
# `holdings.py` of its package.
NOBODYS = {
    "account": "who signs in, at any clinic: emptied by `identity.commands.forget_accounts`",
    "app_build": "how the clinic's apps look",
    "branch": "places of the clinic",
    "clinic": "the clinic",
    "campaign": "what the clinic says to many",
    "campaign_policy": "when a second person must confirm",
    "canned_reply": "what the clinic often says",
    "chat_desk": "how the clinic's desk works",
    "chat_node": "processes that hold sockets",
    "chat_pace": "how soon the clinic's desk answers",
    "chat_rota": "among which colleagues cases go round",
    "chat_words_mark": "how far the messages were read for the search",
    "clinic_pace": "how fast the clinic may send",
    "contact_policy": "the clinic's rules of reaching people",
    "clinic_wording": "in which tone the clinic speaks",
    "code_challenge": "codes sent to a phone: erased with the account, and after two days in any case",
    "code_try": "counts of tries by account, forgotten within the hour",
    "epoch_mark": "when the database began another history",
    "device": "phones of an account: emptied by `push.commands.forget_devices`",
    "erased": "hashes of names that must not come back",
    "dicomweb_source": "the clinic's picture archives",
    "document_template": "the clinic's papers",
    "file_left": "keys of files that nothing shows any more, for minutes",
    "journey": "the clinic's journeys",
    "journey_mark": "how far the events were listened to",
    "kept_bytes": "how much the clinic keeps",
    "line": "by what the clinic reaches people",
    "line_host": "push services that asked a line to wait, for an hour at most",
    "line_minute": "counts of a line's sends, for a day",
    "loyalty_programme": "what the clinic gives points for",
    "message_template": "the clinic's words",
    "message_template_version": "the clinic's words",
    "partner_app": "the clinic's systems",
    "password_try": "counts of tries at an e-mail, forgotten within a day",
    "price": "what the clinic's services cost",
    "phone_exchange": "the clinic's telephone systems",
    "phone_extension": "colleagues",
    "privacy_policy": "a decision of the clinic",
    "promotion": "the clinic's offers",
    "report": "what providers said of messages by their names, for three months",
    "segment": "the clinic's tags and groups",
    "segment_mark": "how far a group was looked at",
    "session": "sign-ins of an account: erased with it",
    "slot": "free times of the clinic",
    "staff": "colleagues",
    "stop_confirmation": "a word of ours to an address, for a day",
    "stranger_message": "what came from addresses that are no patient's, for a month",
    "survey": "what the clinic asks",
    "team": "colleagues",
    "template_version": "the clinic's papers",
    "visit_label": "the clinic's words",
    "webhook_endpoint": "the clinic's systems",
}

_WHAT_A_WORKER_KNOWS = """
import json, sys
import enamel.worker.archive
from sqlmodel import SQLModel
print(json.dumps([list(SQLModel.metadata.tables), list(sys.modules)]))
"""

# Types of columns in which a word of a person could stand.
WORDY = {"VARCHAR", "TEXT", "JSON", "JSONB", "ARRAY"}


def test_every_table_says_what_it_holds_of_a_person() -> None:
    silent = set(TABLES) - set(HELD) - set(NOBODYS)
    assert silent == set(), "declare them in the `holdings.py` of their package, or in NOBODYS with the reason"


def test_a_worker_knows_every_table_that_it_copies_and_erases_and_not_the_whole_api() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _WHAT_A_WORKER_KNOWS], capture_output=True, check=True, text=True, timeout=120
    )
    tables, modules = json.loads(told.stdout)
    assert {each.table for each in HOLDINGS} - set(tables) == set()
    assert "fastapi" not in modules, "it costs a worker a second to start and 30 MB"


def test_nothing_is_declared_twice_or_left_over() -> None:
    assert {table for table, count in Counter(each.table for each in HOLDINGS).items() if count > 1} == set()
    assert set(HELD) & set(NOBODYS) == set()
    assert (set(HELD) | set(NOBODYS)) - set(TABLES) == set()


def test_nobodys_tables_name_no_patient() -> None:
    assert [name for name in NOBODYS if name in TABLES and "patient_id" in TABLES[name].columns] == []


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_a_holding_speaks_of_columns_that_there_are(holding: Holding) -> None:
    columns = set(TABLES[holding.table].columns.keys())
    assert {holding.person, *holding.omit, *holding.becomes} <= columns
    assert not holding.parent or "patient_id" in TABLES[holding.parent].columns


@pytest.mark.parametrize("holding", HOLDINGS, ids=lambda holding: holding.table)
def test_a_fate_can_be_carried_out(holding: Holding) -> None:
    table = TABLES[holding.table]
    appended, erasable = table.info.get(APPEND_ONLY, False), set(table.info.get(ERASABLE, ()))
    match holding.fate:
        case Fate.CODES:
            assert not holding.becomes
        case Fate.SHELL:
            assert holding.becomes
            assert not appended or set(holding.becomes) <= erasable
        case Fate.ERASE | Fate.RESTRICT:
            assert not appended, "what is only appended cannot be deleted: CODES, or SHELL with erasable columns"
            assert _pointing(table) == [], "rows that stay point to it: it must be a SHELL"


def _pointing(table: Table) -> list[str]:
    """Tables whose rows stay and point to this one."""
    stays = {each.table for each in HOLDINGS if each.fate in (Fate.SHELL, Fate.CODES)} | set(NOBODYS)
    return [
        other.name
        for other in TABLES.values()
        if other.name in stays and any(key.referred_table is table for key in other.foreign_key_constraints)
    ]


@pytest.mark.parametrize(
    "holding", [each for each in HOLDINGS if each.fate in (Fate.CODES, Fate.SHELL)], ids=lambda holding: holding.table
)
def test_what_stays_after_an_erasure_holds_no_words_of_a_person(holding: Holding) -> None:
    words = {
        column.name
        for column in TABLES[holding.table].columns
        if str(column.type) in WORDY and column.name not in holding.becomes
    }
    assert words - WORDS_OF_NOBODY == set()


def test_a_guardian_gets_what_their_scopes_cover_and_nothing_that_is_the_patients_own() -> None:
    some = of_copy(HOLDINGS, frozenset({"view_plan"}), whole=False)
    assert {each.scope for each in some} == {"", "view_plan"}
    assert not any(each.untold or each.own for each in some)
    assert {each.table for each in some if not each.scope and not each.scope_of_row} == OPEN_TO_EVERY_GUARDIAN


# What whoever opens a record sees of it with no scope at all, in the app as in a copy.
OPEN_TO_EVERY_GUARDIAN = {
    "appointment", "consent", "coupon", "patient", "promotion_listed", "referral", "referral_code",
}  # fmt: skip


# Columns that are called as if they named a private thing, and name something else.
NAMESAKES = {("finding", "series_id"): "the versions of one finding"}


@pytest.mark.parametrize(
    "holding", of_copy(HOLDINGS, frozenset(EVERY_SCOPE), whole=False), ids=lambda holding: holding.table
)
def test_what_belongs_to_a_private_thing_is_hidden_with_it(holding: Holding) -> None:
    """A column that names a plan or a visit says that the row belongs to it."""
    things = {f"{name}_id": name for name in private_tables()}
    columns = set(TABLES[holding.table].columns.keys()) & set(things)
    names = {(column, things[column]) for column in columns if (holding.table, column) not in NAMESAKES}
    assert names <= set(holding.hidden_by)
