"""`--dry-run`: every command that changes anything shows the request it would send, and sends none that writes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from periskope_async.cli.app import app
from periskope_async.testing import FakePeriskope

Command = Callable[..., tuple[int, str, str]]

PERSON = "919537851844@c.us"
GROUP = "GROUP"  # stands for a group that there is
FILE = "FILE"  # stands for a file of contacts
PHONE = "918527184400"
#: Commands that change nothing at the service.
READING = {"get", "list", "export", "show", "check", "qr", "runs", "audit-logs", "find", "settle"}
#: Commands that do not speak to the service.
APART = {"webhooks listen", "webhooks send"}
WRITING = {
    "tickets create": ["--chat-id", PERSON, "--subject", "A parcel"],
    "tickets update": ["BKT-001", "--clear", "labels", "--status", "closed"],
    "chats update": [PERSON, "--property", "tier", "gold"],
    "chats ai-settings": [PERSON, "--no-agent"],
    "messages send": [PERSON, "hello"],
    "messages broadcast": [PERSON, GROUP, "hello", "--at", "2999-01-31T09:00", "--delay", "2"],
    "scheduled-messages create": [PERSON, "hello", "--at", "2999-01-31", "--repeat", "week", "--on", "friday"],
    "scheduled-messages update": ["s-1", "--text", "bye", "--skip-next"],
    "scheduled-messages delete": ["s-1"],
    "groups create": ["Parcels", "+91 95378 51844", "--who-adds", "admins", "--who-sends", "all"],
    "groups update": [GROUP, "--name", "Parcels", "--who-adds", "all", "--who-edits", "admins"],
    "groups add": [GROUP, PERSON],
    "groups remove": [GROUP, PERSON],
    "groups promote": [GROUP, PERSON],
    "groups demote": [GROUP, PERSON],
    "groups leave": [GROUP],
    "groups invite": [GROUP],
    "groups join": ["https://chat.whatsapp.com/abc"],
    "queue purge": ["q-1"],
    "contacts create": ["919876599999", "Asha", "--labels", "vip", "--internal"],
    "contacts update": [PERSON, "--name", "Asha"],
    "contacts import": [FILE],
    "phones restart": ["--phone", PHONE],
    "phones reset": [PHONE],
    "phones delete": [PHONE],
    "members invite": ["new@example.com", "--role", "member", "--label", "vip"],
    "members delete": ["asha@example.com"],
    "webhooks create": ["https://example.com/hook", "note.created"],
    "webhooks delete": ["00000000-0000-4000-8000-00000000a001"],
    "knowledge-base create": ["Where?", "Here.", "--attachment", "https://example.com/a.png"],
    "knowledge-base upload": ["https://example.com/a.pdf", "--name", "b.pdf"],
    "knowledge-base update": ["ai-context-aaaaaaaaaaaaaaa", "--question", "Where?", "--answer", "There."],
    "knowledge-base delete": ["ai-context-aaaaaaaaaaaaaaa"],
    "tasks create": ["Call back", "--chat", PERSON, "--priority", "high", "--due-date", "2999-01-31"],
}

#: Of these, the ones that ask first.
ASKING = {
    *("messages broadcast", "groups remove", "groups leave", "groups invite", "queue purge"),
    *("phones restart", "phones reset", "phones delete", "members delete", "webhooks delete"),
    *("scheduled-messages delete", "knowledge-base delete"),
}


def commands() -> Iterator[str]:
    """The names of all commands in groups."""
    for name, group in app.commands.items():
        if isinstance(group, click.Group):
            yield from (f"{name} {command}" for command in group.commands)


def test_every_command_that_writes_has_one() -> None:
    """No command is forgotten: what is not known to read is tried below."""
    assert {name for name in commands() if name.split()[1] not in READING} == WRITING.keys() | APART


@pytest.mark.parametrize("name", WRITING)
def test_what_is_shown_is_what_is_sent(
    periskope: Command, fake: FakePeriskope, group: str, tmp_path: Path, name: str
) -> None:
    """A dry run asks nothing and sends nothing; the command itself then sends exactly what it has shown."""
    file = tmp_path / "people.csv"
    file.write_text(f"contact_id,contact_name\n{PERSON},Asha\n")
    places = {GROUP: group, FILE: str(file)}
    words = [*name.split(), *(places.get(word, word) for word in WRITING[name])]
    code, out, err = periskope(*words, "--dry-run")
    assert (code, err) == (0, "")
    assert fake.calls == 0
    assert fake.api_key not in out
    head, _, body = out.partition("\n\n")
    yes = ["--yes"] if name in ASKING else []
    assert periskope(*words, *yes)[0] in {0, 1, 4}
    request = fake.requests[-1]
    assert head.split()[:2] == f"{request.method} {fake.base_url.removesuffix('/v1')}{request.path}".split()
    assert ("x-phone: " in head) == ("x-phone" in request.headers)
    assert (json.loads(body) if body else None) == (json.loads(request.body) if request.body else None)


def test_reading_is_done_all_the_same(periskope: Command, fake: FakePeriskope) -> None:
    """Labels are added to those there are, so those are read; one ticket that does not exist is told."""
    fake.change("BKT-001", ticket_labels="vip")
    code, out, err = periskope("tickets", "update", "BKT-001", "NONE-1", "--add-label", "new", "--dry-run")
    assert code == 4
    assert "NONE-1" in err
    assert json.loads(out.partition("\n\n")[2]) == {"labels": "vip, new"}
    assert {request.method for request in fake.requests} == {"GET"}


def test_the_phone_is_shown(periskope: Command) -> None:
    """Which phone acts is part of the request, as the service gets it."""
    out = periskope("messages", "send", PERSON, "hello", "--dry-run", "--phone", "+91 98765 43210")[1]
    assert out.splitlines()[1] == "x-phone: 919876543210"


def test_of_a_file_only_its_length_is_shown(periskope: Command, tmp_path: Path) -> None:
    """A file is summed up, and everything else about it shown."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"abc" * 1_000)
    out = periskope("messages", "send", PERSON, "--media", str(photo), "--dry-run")[1]
    media: dict[str, Any] = json.loads(out.partition("\n\n")[2])["media"]
    assert (media["filename"], media["filedata"]) == ("photo.png", "(4,000 characters of base64)")


def test_many_sends_are_shown_one_by_one(periskope: Command, fake: FakePeriskope, group: str, tmp_path: Path) -> None:
    """Several chats, and a file of messages, are shown whole; nothing is asked, sent or noted."""
    for words in ([PERSON, group, "hello"], ["--from", str(tmp_path / "all.csv")]):
        (tmp_path / "all.csv").write_text(f"chat_id,message\n{PERSON},hello\n{group},hello\n")
        code, out, _ = periskope("messages", "send", *words, "--dry-run")
        assert (code, out.count("POST ")) == (0, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]
    assert fake.calls == 0


def test_nothing_to_send(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A dry run that would send nothing says so, and of a file how far it is."""
    (tmp_path / "all.csv").write_text(f"chat_id,message\n{PERSON},hello\n")
    command = ("messages", "send", "--from", str(tmp_path / "all.csv"))
    assert periskope(*command)[0] == 0
    assert periskope(*command, "--dry-run") == (
        0,
        "",
        "Sent already: 1 of 1. Unclear: 0.\nNothing would be sent.\n",
    )
    assert fake.calls == 1


def test_what_cannot_be_sent_is_no_dry_run(periskope: Command) -> None:
    """A wrong value is refused as ever."""
    code, out, err = periskope("groups", "leave", PERSON, "--dry-run")
    assert (code, out) == (2, "")
    assert "GROUP: expected the id of a group" in err
