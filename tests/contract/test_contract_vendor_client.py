"""The vendor's own TypeScript client, against `periskope serve` in a process of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from periskope_async.testing import Assumptions, FakePeriskope, Reply
from periskope_async.testing._service.made_up.tickets import ticket_bytes
from periskope_sync import PeriskopeClient

HERE = Path(__file__).parent
CLIENT = HERE / "node_modules" / "@periskope" / "periskope-client" / "package.json"
EXAMPLE = HERE.parent / "samples" / "ticket-info.example.json"

Call = Callable[..., list[dict[str, Any]]]

pytestmark = [
    pytest.mark.skipif(not shutil.which("node"), reason="NOT TESTED: the vendor's client, for want of Node.js"),
    pytest.mark.skipif(
        not CLIENT.exists(), reason="NOT TESTED: the vendor's client; `npm ci` in tests/contract gets it"
    ),
]


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, str]]:
    """Run `periskope serve` in a process of its own; its URL and key."""
    command = [sys.executable, "-c", "import periskope_async.cli as cli; raise SystemExit(cli.main())", "serve"]
    process = subprocess.Popen(
        [*command, "--port", "0", *options],
        cwd=HERE.parents[1],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        told = process.stdout.readline() + process.stdout.readline()
        found = re.findall(r"PERISKOPE_BASE_URL=(\S+)[^$]*PERISKOPE_API_KEY=(\S+)", told)
        assert found, told + process.communicate(timeout=10)[1]
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def calls(url: str, key: str, *steps: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What the vendor's client returns for these calls, one after the other."""
    done = subprocess.run(
        ["node", "vendor_client.js", url, key, json.dumps(steps)],  # noqa: S607  # the machine's own
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return json.loads(done.stdout)


def test_version() -> None:
    """The client is the version whose behaviour is known."""
    assert json.loads(CLIENT.read_text(encoding="utf-8"))["version"] == "1.1.3"


def test_reads_and_writes() -> None:
    """It gets, lists, creates and updates tickets, and each sees what the others did."""
    new = {"chat_id": "919537851844@c.us", "subject": "Von außen ✓", "priority": 3, "labels": "a, b"}
    with serving("--tickets", "20") as (url, key):
        first, third, page, made, changed, again = calls(
            url,
            key,
            ("ticket.getById", {"ticket_id": "BKT-001"}),
            ("ticket.getById", {"ticket_id": "BKT-003"}),
            ("ticket.getAll", {"offset": 0, "limit": 5}),
            ("ticket.create", new),
            (
                "ticket.update",
                {"ticket_id": "BKT-021", "status": "closed", "priority": "4", "assignee": "a@example.com"},
            ),
            ("ticket.getAll", {}),
        )
    assert all(one["error"] is None and one["status"] == 200 for one in (first, third, page, made, changed, again))
    assert first["data"] == json.loads(EXAMPLE.read_bytes())
    assert third["data"] == json.loads(ticket_bytes(3, 0))
    assert [row["ticket_id"] for row in page["data"]["tickets"]] == [f"BKT-{n:03d}" for n in range(20, 15, -1)]
    ticket = made["data"]["ticket"]
    assert (ticket["ticket_id"], ticket["subject"], ticket["priority"]) == ("BKT-021", "Von außen ✓", 3)
    assert (ticket["ticket_labels"], made["data"]["chat"]) == ("a, b", first["data"]["chat"])
    ticket = changed["data"]["ticket"]
    assert (ticket["status"], ticket["priority"], ticket["assignee"]) == ("closed", 4, "a@example.com")
    assert (again["data"]["count"], again["data"]["tickets"][0]["status"]) == (21, "closed")


def test_chats() -> None:
    """It gets, lists and changes chats, and what it changed its tickets show."""
    with serving("--tickets", "20") as (url, key):
        page, groups, chat, short, changed, ticket, unknown = calls(
            url,
            key,
            ("chat.getChats", {"offset": 0, "limit": 5}),
            ("chat.getChats", {"chat_type": "group"}),
            ("chat.getChatById", {"chat_id": "919537851844@c.us"}),
            ("chat.getChatById", {"chat_id": "919537851844"}),
            (
                "chat.updateChatById",
                {"chat_id": "919537851844@c.us", "labels": "vip, neu", "assigned_to": "a@example.com"},
            ),
            ("ticket.getById", {"ticket_id": "BKT-001"}),
            ("chat.getChatById", {"chat_id": "1@c.us"}),
        )
    assert (len(page["data"]["chats"]), page["data"]["count"]) == (5, 20)
    assert {row["chat_type"] for row in groups["data"]["chats"]} == {"group"}
    assert chat["data"] == short["data"]
    assert chat["data"]["labels"] == ["chatlabel1", "chatlabel2"]
    assert (changed["data"]["labels"], changed["data"]["assigned_to"]) == (["VIP", "neu"], "a@example.com")
    assert ticket["data"]["chat"]["chat_labels"] == "VIP, neu"
    assert (unknown["error"]["code"], unknown["error"]["message"]) == ("NOT_FOUND_ERROR", "Chat not found")


def test_groups() -> None:
    """It drives every operation on groups and reads back what ours wrote; and ours reads what it wrote."""
    friend, stranger = "919537851844", "17995550199"
    with serving("--tickets", "20") as (url, key), PeriskopeClient(key, base_url=url) as client:
        ours = client.groups.create("Ours", [friend], description="d")
        in_ours = {"chat_id": ours.chat_id, "participants": [friend]}
        theirs, read, settings, invite, added, promoted, demoted, removed, left, joined, read_back = calls(
            url,
            key,
            ("group.create", {"group_name": "Theirs", "participants": [friend], "options": {"infoAdminsOnly": True}}),
            ("chat.getChatById", {"chat_id": ours.chat_id}),
            ("group.updateSettings", {"chat_id": ours.chat_id, "name": "Renamed", "memberAddMode": True}),
            ("group.generateInviteLink", {"chat_id": ours.chat_id}),
            ("group.addParticipant", {"chat_id": ours.chat_id, "participants": [friend, stranger]}),
            ("group.promoteParticipant", in_ours),
            ("group.demoteParticipant", in_ours),
            ("group.removeParticipant", in_ours),
            ("group.leaveGroup", {"chat_id": ours.chat_id}),
            ("group.acceptGroupInvite", {"invite_code": "nobody's"}),
            ("chat.getChatById", {"chat_id": ours.chat_id}),
        )
        found = client.chats.get(theirs["data"]["chat_id"])
        assert (found.chat_name, found.info_admins_only, found.to_dict()) == ("Theirs", True, theirs["data"])
        last = client.chats.get(ours.chat_id)
    assert read["data"] == ours.to_dict()
    assert (settings["data"]["chat_name"], settings["data"]["member_add_mode"]) == ("Renamed", "true")
    assert invite["data"]["invite_link"] != ours.invite_link
    success = {name: result["is_success"] for name, result in added["data"].items()}
    assert success == {f"{friend}@c.us": False, f"{stranger}@c.us": True}
    assert [one["data"][f"{friend}@c.us"] for one in (promoted, demoted, removed)] == [{"is_success": True}] * 3
    assert (left["status"], left["error"]) == (200, None)
    assert joined["status"] == 404
    assert last.is_exited
    assert last.to_dict() == read_back["data"]


def test_many_chats_at_once() -> None:
    """It marks as read, labels many chats and says who may see them, and ours reads that."""
    ids = ["919537851844@c.us"]
    with serving("--tickets", "20") as (url, key), PeriskopeClient(key, base_url=url) as client:
        results = calls(
            url,
            key,
            ("chat.read", {"chat_id": ids[0]}),
            ("chat.updateLabels", {"chat_ids": ids, "labels": "vip, neu"}),
            (
                "chat.updateChatOverrideAccess",
                {"chat_ids": ids, "access": {"a@example.com": True}, "replace": True},
            ),
        )
        chat = client.chats.get(ids[0])
    assert [(one["status"], one["error"]) for one in results] == [(200, None), (204, None), (204, None)]
    assert (chat.message_unread_count, chat.labels) == (0, ("VIP", "neu"))
    assert chat.override_chat_access == {"a@example.com": True}


def test_notes() -> None:
    """It writes a note that our client reads, and reads one that ours wrote: by id, of a chat, of all."""
    chat_id = "919537851844@c.us"
    with FakePeriskope(20) as fake, fake.sync_client() as ours:
        mine = ours.notes.create(chat_id, "Von uns ✓", reply_to="3EB0")
        read, made, of_chat, every, unknown = calls(
            fake.base_url,
            fake.api_key,
            ("note.getNoteById", {"note_id": mine.message_id}),
            ("note.createInternalNote", {"chat_id": chat_id, "message": "Von außen ✓"}),
            ("chat.getNotesByChat", {"chat_id": chat_id}),
            ("note.getNotes", {"offset": 0, "limit": 2}),
            ("note.getNoteById", {"note_id": "nowhere"}),
        )
        theirs = ours.notes.get(made["data"]["data"]["message_id"])
        rows = ours.notes.list_page(chat_id=chat_id).to_dict()
    assert read["data"] == mine.to_dict()
    assert (made["data"]["success"], theirs.body, theirs.to_dict()) == (True, "Von außen ✓", made["data"]["data"])
    assert of_chat["data"] == rows
    assert every["data"]["notes"] == [theirs.to_dict(), mine.to_dict()]
    assert (unknown["error"]["statusCode"], unknown["error"]["code"]) == (404, "NOT_FOUND_ERROR")


def test_notifications_and_reactions() -> None:
    """It lists what our client lists: of all chats, and of one."""
    with FakePeriskope(20) as fake, fake.sync_client() as ours:
        chat_id = fake.notifications.get(fake.notifications.ids[0])["chat_id"]
        every, of_chat, reactions, to_one = calls(
            fake.base_url,
            fake.api_key,
            ("chat.getNotifications", {"offset": 0, "limit": 3}),
            ("chat.getChatNotifications", {"chat_id": chat_id}),
            ("reaction.getReactions", {}),
            ("reaction.getReactions", {"message_id": fake.reactions.get(fake.reactions.ids[0])["message_id"]}),
        )
        assert every["data"] == ours.notifications.list_page(limit=3).to_dict()
        assert of_chat["data"] == ours.notifications.list_page(chat_id=chat_id).to_dict()
        assert reactions["data"] == ours.reactions.list_page().to_dict()
        assert [row["reaction_id"] for row in to_one["data"]["reactions"]] == [fake.reactions.ids[0]]


def test_messages() -> None:
    """It sends, edits, forwards, deletes, pins and reacts, and ours reads that; it reads what ours did."""
    chat_id, other = "919537851844@c.us", "17995550199@c.us"
    photo = {"type": "image", "filename": "a.png", "mimetype": "image/png", "url": "https://example.com/a.png"}
    poll = {"pollName": "Lunch?", "pollOptions": ["yes", "no"]}
    with FakePeriskope(20) as fake, fake.sync_client() as ours:
        mine = ours.messages.send(chat_id, "Von uns ✓", reply_to="3EB0")
        lost = ours.messages.send(chat_id, "Falsch")
        ours.messages.edit(mine.queue_id, "Von uns, geändert")
        ours.messages.react(mine.queue_id, "👍")
        read, text, file, vote, of_chat, every, broadcast, *done = calls(
            fake.base_url,
            fake.api_key,
            ("message.getById", {"message_id": mine.queue_id}),
            ("message.send", {"chat_id": chat_id, "message": "Von außen ✓"}),
            ("message.send", {"chat_id": chat_id, "media": photo}),
            ("message.send", {"chat_id": chat_id, "poll": poll}),
            ("chat.getChatMessages", {"chat_id": chat_id, "limit": 5}),
            ("chat.getMessages", {"offset": 0, "limit": 5}),
            ("message.broadcast", {"chat_ids": [chat_id, other], "message": "An alle"}),
            ("message.edit", {"message_id": mine.queue_id, "edited_body": "Von außen geändert"}),
            ("message.react", {"message_id": mine.queue_id, "reaction": "🙏"}),
            ("message.pin", {"message_id": mine.queue_id, "pin": True}),
            ("message.forward", {"message_id": mine.queue_id, "forward_chat_ids": [other]}),
            ("message.delete", {"message_id": lost.queue_id}),
        )
        assert (read["data"]["body"], read["data"]["prev_body"]) == ("Von uns, geändert", "Von uns ✓")
        assert (read["data"]["quoted_message_id"], read["data"]["reactions"][0]["reaction"]) == ("3EB0", "👍")
        theirs = [ours.messages.get(one["data"]["queue_id"]) for one in (text, file, vote)]
        assert [message.body for message in theirs] == ["Von außen ✓", None, None]
        assert theirs[1].media is not None
        assert theirs[1].media.filename == "a.png"
        assert theirs[2].poll_info is not None
        assert theirs[2].poll_info.name == "Lunch?"
        ids = [message.message_id for message in reversed(theirs)]
        for rows in (of_chat, every):
            assert [row["message_id"] for row in rows["data"]["messages"]][:3] == ids
        assert [(one["status"], one["error"]) for one in done] == [(204, None)] * 5
        assert ours.queue.get_broadcast(broadcast["data"]["broadcast_id"]).sent_chats == 2
        last = ours.messages.get(mine.queue_id)
        assert (last.body, last.reactions[0].reaction) == ("Von außen geändert", "🙏")
        assert ours.messages.get(lost.queue_id).is_deleted
        assert [each["message_id"] for each in fake.chats.get(chat_id)["pinned_messages"]] == [last.message_id]
        assert [row.body for row in ours.messages.list(chat_id=other)] == ["Von außen geändert", "An alle"]


def test_every_operation_is_driven() -> None:
    """Not one of the client's seventy operations is missing in the tests of this folder."""
    tests = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_contract_vendor_*.py"))
    found: set[str] = set()
    for source in (CLIENT.parent / "dist" / "apis").glob("*Api.js"):
        resource = source.stem.removesuffix("Api")
        methods = re.findall(r"^    (\w+)\([^)]*\) \{$", source.read_text("utf-8"), re.MULTILINE)
        found |= {f"{resource}.{method}" for method in methods if method != "constructor"}
    assert len(found) == 70
    assert {name for name in found if f'"{name}"' not in tests} == set()


@pytest.mark.parametrize("form", ["either", "older"])
def test_queue(form: Literal["either", "older"]) -> None:
    """It reads and purges the queue that our client does; without a selection it takes all that waits."""
    with FakePeriskope(1, assumptions=Assumptions(queue_form=form)) as fake, fake.sync_client() as ours:
        for name in "abcde":
            fake._service.state.outbox.jobs.append(
                {"queue_id": name, "status": "queued", "broadcast_id": "br" if name in "bc" else None}
            )
        ours.queue.purge(queue_ids=["a"])
        jobs, broadcast, one, status, rest, nothing = calls(
            fake.base_url,
            fake.api_key,
            ("queue.getJobs", {"broadcast_id": "br"}),
            ("queue.getBroadcastStatus", {"broadcast_id": "br"}),
            ("queue.purge", {"queue_id": "b"}),
            ("queue.getStatus", {}),
            ("queue.purge", {"broadcast_id": "br"}),
            ("queue.getJobs", {"queue_id": "b"}),
        )
        assert [job.get("queue_id", job.get("id")) for job in jobs["data"]] == ["b", "c"]
        assert (broadcast["data"]["total_chats"], broadcast["data"]["pending_chats"]) == (2, 2)
        assert [each["error"] for each in (one, rest)] == [None, None]
        assert (status["data"]["pending"], nothing["data"]) == (3, [])
        assert [job.queue_id for job in ours.queue.list_jobs()] == ["d", "e"]
        calls(fake.base_url, fake.api_key, ("queue.purge", {}))
        assert ours.queue.list_jobs() == ()


def test_knowledge_base() -> None:
    """It drives every operation on the knowledge base, both ways: each reads and deletes what the other wrote."""
    document = {"document": {"base64": "VGV4dA==", "filename": "a.txt"}}
    with FakePeriskope(1) as fake, fake.sync_client() as ours:
        mine = ours.knowledge_base.create_faq("Von uns?", "Ja.")
        (text,) = ours.knowledge_base.create_document(content=b"Von uns", filename="b.txt")
        made, added, read, changed, chunks, every, faqs, unknown = calls(
            fake.base_url,
            fake.api_key,
            (
                "knowledgeBase.createFaq",
                {"question": "Von außen?", "answer": "Ja ✓", "attachments": ["https://example.com/a"]},
            ),
            ("knowledgeBase.createDocument", document),
            ("knowledgeBase.getFaqById", {"context_id": mine}),
            ("knowledgeBase.updateFaq", {"context_id": mine, "question": "Von uns?", "answer": "Nein."}),
            ("knowledgeBase.getDocumentById", {"document_id": text.document_id}),
            ("knowledgeBase.getAll", {"offset": 0, "limit": 2000}),
            ("knowledgeBase.getAll", {"type": "faq", "limit": 1}),
            ("knowledgeBase.getFaqById", {"context_id": "nowhere"}),
        )
        theirs = ours.knowledge_base.get_faq(made["data"]["context_id"])
        (chunk,) = ours.knowledge_base.get_document(added["data"][0]["document_id"])
        now = ours.knowledge_base.get_faq(mine)
        assert every["data"] == ours.knowledge_base.list_page(limit=2000).to_dict()
        assert faqs["data"]["data"] == [theirs.to_dict()]
        assert chunks["data"] == [one.to_dict() for one in ours.knowledge_base.get_document(str(text.document_id))]
        gone = calls(
            fake.base_url,
            fake.api_key,
            ("knowledgeBase.deleteFaq", {"context_id": mine}),
            ("knowledgeBase.deleteDocument", {"document_id": text.document_id}),
        )
        assert mine not in fake.knowledge_base.ids
        ours.knowledge_base.delete_faq(theirs.context_id)
    assert [one["data"] for one in gone] == [{"context_id": mine}, {"document_id": text.document_id}]
    assert (theirs.answer, theirs.attachments, chunk.answer) == ("Ja ✓", ["https://example.com/a"], "Text")
    assert (read["data"]["answer"], changed["data"], now.answer) == ("Ja.", now.to_dict(), "Nein.")
    assert (unknown["error"]["statusCode"], unknown["error"]["code"]) == (404, "NOT_FOUND_ERROR")


def test_of_the_newest_pages_it_has_nothing() -> None:
    """It has no method for scheduled messages, tasks, audit logs and AI settings: ours is the one client of those."""
    typed = (CLIENT.parent / "dist" / "types" / "types.d.ts").read_text("utf-8")
    newest = ("/message/scheduled", "/tasks", "/audit-logs", "/chats/{chat_id}/ai")
    assert [path for path in newest if f"{path}'" in typed or f'{path}"' in typed] == []


def test_an_error_without_a_body_is_silent() -> None:
    """Known of it: an error whose body is empty is to it no error; ours says what it was."""
    with FakePeriskope(1) as fake:
        fake.answer(lambda _: Reply(503, b""))
        (result,) = calls(fake.base_url, fake.api_key, ("knowledgeBase.getFaqById", {"context_id": "c"}))
    assert (result.get("data"), result["error"], result["status"]) == (None, None, 503)


def test_refused_fields_are_lost() -> None:
    """Known of it: which fields the service refused it does not hand on."""
    with FakePeriskope(1) as fake:
        (result,) = calls(fake.base_url, fake.api_key, ("knowledgeBase.createFaq", {"question": "q"}))
    assert result["error"] == {"code": "VALIDATION_ERROR", "message": "Request validation failed", "statusCode": 422}


def test_ids_with_special_characters() -> None:
    """It encodes ids as we expect them: another resource is never met."""
    with serving() as (url, key):
        results = calls(url, key, *(("ticket.getById", {"ticket_id": name}) for name in ("a/b", "é ?x=1", "../chats")))
    assert [one["error"]["code"] for one in results[:2]] == ["NOT_FOUND_ERROR"] * 2
    assert results[2]["status"] == 404


def test_errors() -> None:
    """It returns the vendor's errors: unknown id, bad value, nothing to change, no such chat, limit too large."""
    with serving("--tickets", "3") as (url, key):
        results = calls(
            url,
            key,
            ("ticket.getById", {"ticket_id": "NOPE"}),
            ("ticket.create", {"chat_id": "919537851844@c.us"}),
            ("ticket.update", {"ticket_id": "BKT-001"}),
            ("ticket.create", {"chat_id": "1@c.us", "subject": "s"}),
            ("ticket.getAll", {"limit": 10_000}),
        )
    errors = [one["error"] for one in results]
    assert [error["statusCode"] for error in errors] == [404, 422, 422, 404, 422]
    assert [error["code"] for error in errors] == [
        "NOT_FOUND_ERROR",
        "VALIDATION_ERROR",
        "VALIDATION_ERROR",
        "NOT_FOUND_ERROR",
        "VALIDATION_ERROR",
    ]
    assert [error["message"] for error in errors[:2]] == ["Ticket not found", "Request validation failed"]
    assert errors[2]["message"].startswith("Invalid body. At least one of the following keys are required: ")
    assert errors[4]["message"].endswith("less than 2000")


def test_wrong_key() -> None:
    """A wrong key is refused in the vendor's words."""
    with serving() as (url, _):
        (result,) = calls(url, "wrong", ("ticket.getById", {"ticket_id": "BKT-001"}))
    assert result["error"] == {
        "code": "UNAUTHORIZED_ERROR",
        "message": "Invalid bearer auth token",
        "statusCode": 401,
    }


def test_limit_and_faults() -> None:
    """Options of the command reach it: a limit used up, and every call failing."""
    get = ("ticket.getById", {"ticket_id": "BKT-001"})
    with serving("--rate-limit", "2/60s") as (url, key):
        results = calls(url, key, get, get, get)
    assert [one["status"] for one in results] == [200, 200, 429]
    assert results[2]["error"]["code"] == "RATE_LIMIT_ERROR"
    with serving("--fault", "500=0.5", "--fault", "reset-before=0.5", "--seed", "4") as (url, key):
        results = calls(url, key, *([get] * 4))
    assert {one.get("status", one.get("thrown")) for one in results} == {500, "TypeError"}
