"""Commands take their transaction from above, never end it, and are told the time instead of asking for it."""

import ast

import pytest

from tests.architecture.house import Function, Module, modules

# These are one statement, one trip and one commit each: their answer may leave only after the commit.
OWN_TRANSACTION = {
    *("chat.commands.send.send", "chat.commands.marks.mark", "chat.commands.notes.note", "chat.commands.speaking.act"),
    *("chat.commands.change.edit", "chat.commands.change.delete", "chat.commands.change.react"),
    *("chat.commands.presence.tell_presence", "chat.commands.presence.beat", "chat.commands.presence.end_node"),
}

# Who else may ask what time it is: the edges, and files that keep a connection of their own to the world.
ASK_THE_CLOCK = {
    "chat.hub",
    "push.apns",
    "push.email",
    "push.fcm",
    "push.fcm_token",
    "push.messenger_http",
    "push.smpp.channel",
    "push.sms_http",
    "push.webpush",
}

# Transactions begin and end here and nowhere else.
EDGES = {"core.database"}

PACKAGES_BELOW_API = [module for module in modules() if module.package not in ("api", "enamel")]
COMMANDS = [module for module in PACKAGES_BELOW_API if module.kind == "commands"]


def public_verbs(module: Module) -> list[ast.AsyncFunctionDef]:
    found = [node for node in module.tree.body if isinstance(node, ast.AsyncFunctionDef)]
    return [node for node in found if not node.name.startswith("_")]


def annotated(function: Function) -> dict[str, str]:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return {each.arg: ast.unparse(each.annotation) if each.annotation else "" for each in arguments}


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.name)
def test_a_command_takes_its_transaction_first(module: Module) -> None:
    wrong = {}
    for verb in public_verbs(module):
        first = next(iter(annotated(verb).values()), "")
        if first not in ("Writing", "Sweeping") and f"{module.name}.{verb.name}" not in OWN_TRANSACTION:
            wrong[verb.name] = first
    assert wrong == {}


def test_no_command_is_excused_that_needs_no_excuse() -> None:
    verbs = {f"{module.name}.{verb.name}": verb for module in COMMANDS for verb in public_verbs(module)}
    firsts = {name: next(iter(annotated(verbs[name]).values()), "") for name in OWN_TRANSACTION & verbs.keys()}
    assert firsts == dict.fromkeys(OWN_TRANSACTION, "Database")


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.name)
def test_a_command_is_told_the_time(module: Module) -> None:
    nows = [annotated(verb)["now"] for verb in public_verbs(module) if "now" in annotated(verb)]
    assert set(nows) <= {"datetime"}


def test_there_are_commands() -> None:
    assert sum(len(public_verbs(module)) for module in COMMANDS) >= 20


@pytest.mark.parametrize("module", PACKAGES_BELOW_API, ids=lambda module: module.name)
def test_nobody_below_the_edges_ends_a_transaction(module: Module) -> None:
    calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    ends = {call.attr for call in calls if isinstance(call, ast.Attribute)} & {"commit", "rollback", "begin"}
    assert not ends or module.name in EDGES


@pytest.mark.parametrize("module", PACKAGES_BELOW_API, ids=lambda module: module.name)
def test_nobody_below_the_edges_asks_the_clock(module: Module) -> None:
    asks = "from core.clock import" in module.text or "from core import clock" in module.text
    assert asks == (module.name in ASK_THE_CLOCK)
