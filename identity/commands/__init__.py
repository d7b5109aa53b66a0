"""The verbs of identity: send and spend codes, open, renew and end sessions, admit and revoke staff and apps."""

from identity.commands.codes import CodeSent, CodeTooSoon, CodeWrong, account_of_phone, send_code, spend_code
from identity.commands.credentials import (
    Attempt,
    CredentialsWrong,
    PasswordTooShort,
    PausedAfterFailures,
    SystemNameReserved,
    Tried,
    admit_partner,
    forgive,
    make_partner_app,
    make_staff_account,
    revoke_partner_app,
    take_try,
)
from identity.commands.erasing import forget_accounts
from identity.commands.forgetting import forget_spent
from identity.commands.sessions import (
    Device,
    RefreshRefused,
    SessionEnded,
    TokenPair,
    end_session,
    end_staff_sessions,
    open_session,
    renew_session,
)
from identity.keys import Keys

__all__ = [
    "Attempt",
    "CodeSent",
    "CodeTooSoon",
    "CodeWrong",
    "CredentialsWrong",
    "Device",
    "Keys",
    "PasswordTooShort",
    "PausedAfterFailures",
    "RefreshRefused",
    "SessionEnded",
    "SystemNameReserved",
    "TokenPair",
    "Tried",
    "account_of_phone",
    "admit_partner",
    "end_session",
    "end_staff_sessions",
    "forget_accounts",
    "forget_spent",
    "forgive",
    "make_partner_app",
    "make_staff_account",
    "open_session",
    "renew_session",
    "revoke_partner_app",
    "send_code",
    "spend_code",
    "take_try",
]
