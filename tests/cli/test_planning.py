"""Tasks, scheduled messages, audit logs and what the AI may do, on the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from periskope_async.cli.render_planning import log_view, scheduled_table, scheduled_view, task_table, task_view
from periskope_async.models import AuditLog, ScheduledMessage, Task
from periskope_async.testing import FakePeriskope
from tests.cli.test_render import text_of

Command = Callable[..., tuple[int, str, str]]
PERSON = "919537851844@c.us"


# -- tasks ------------------------------------------------------------------------------------------------------------


def test_tasks(periskope: Command, fake: FakePeriskope) -> None:
    """Tasks are listed; one is made with what is named, and hangs on what it is about."""
    code, out, _ = periskope("tasks", "list", "--limit", "2")
    assert (code, len(out.splitlines())) == (0, 3)
    words = ["--assignee", "asha@example.com", "--due-date", "2999-01-31", "--priority", "high", "--notes", "Twice"]
    code, out, _ = periskope("tasks", "create", "Call back", "--ticket", "BKT-001", *words)
    assert code == 0
    assert out.splitlines()[0] == "Call back"
    assert fake.requests[-1].json() == {
        "title": "Call back",
        "type": "ticket",
        "association": {"ticket_id": "BKT-001"},
        "priority": 1,
        "assignee": "asha@example.com",
        "due_date": "2999-01-31",
        "notes": "Twice",
    }
    code, out, _ = periskope("tasks", "create", "Read", "--message", "3EB0", "--chat", PERSON, "-o", "json")
    assert (json.loads(out)["type"], json.loads(out)["chat_id"]) == ("message", PERSON)
    assert len(json.loads(periskope("tasks", "list", "--all", "-o", "json")[1])) == 5


def test_a_task_of_its_own(periskope: Command, fake: FakePeriskope) -> None:
    """A task about nothing in particular has a title alone."""
    assert periskope("tasks", "create", "Call back")[0] == 0
    assert fake.requests[-1].json() == {"title": "Call back"}


def test_a_task_is_about_one_thing(periskope: Command, fake: FakePeriskope) -> None:
    """A task about a ticket is about no chat or message of its own."""
    code, _, err = periskope("tasks", "create", "x", "--ticket", "BKT-001", "--chat", PERSON)
    assert (code, fake.calls) == (2, 0)
    assert "choose one" in err


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (120, ["Task", "Status", "Priority", "Due", "Assignee", "Title"]),
        (80, ["Task", "Status", "Due", "Title"]),
        (50, ["Task", "Title"]),
    ],
)
def test_a_task_in_a_narrow_terminal(width: int, headings: list[str]) -> None:
    """What a task is about has the room before the rest has any."""
    task = Task.from_dict({"task_id": "t", "title": "Call back", "priority": 9})
    assert text_of(task_table([task], width), width=width).splitlines()[0].split() == headings
    assert "9" in text_of(task_view(task))
    assert "Priority" not in text_of(task_view(Task.from_dict({"task_id": "t"})))


# -- scheduled messages -----------------------------------------------------------------------------------------------


def test_scheduled_messages(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A message is scheduled with its file, shown, changed, listed and deleted after a yes."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"png")
    words = [PERSON, "Hello", "--at", "2999-01-31T09:00+01:00", "--media", str(photo)]
    code, out, _ = periskope("scheduled-messages", "create", *words, "-o", "json")
    made = json.loads(out)
    name = made["scheduled_id"]
    assert (code, made["scheduled_at"], made["is_repeat"]) == (0, "2999-01-31T08:00:00+00:00", False)
    code, out, _ = periskope("scheduled", "get", name)
    assert (code, out.splitlines()[0], "photo.png" in out) == (0, "Hello", True)
    repeat = ["--repeat", "week", "--every", "2", "--on", "monday", "--on", "friday", "--ends", "3000-01-01"]
    code, out, _ = periskope("scheduled", "update", name, "--text", "Bye", "--skip-next", *repeat, "--timezone", "UTC")
    assert code == 0
    assert fake.requests[-1].json() == {
        "message": "Bye",
        "skip_next": True,
        "is_repeat": True,
        "repeat_config": {
            "repeat_interval": "week",
            "repeat_value": 2,
            "repeat_days": ["monday", "friday"],
            "repeat_ends": "3000-01-01",
            "timezone": "UTC",
        },
    }
    for text in ("every 2 weeks", "monday, friday", "Next is left out"):
        assert text in out
    assert len(periskope("scheduled", "list")[1].splitlines()) == 3
    assert periskope("scheduled", "update", name)[0] == 2
    assert periskope("scheduled", "delete", name)[0] == 2
    assert name in fake.scheduled_messages.ids
    assert periskope("scheduled", "delete", name, "--yes") == (0, "", "")
    assert name not in fake.scheduled_messages.ids


def test_a_time_zone_that_is_none(periskope: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time zone is looked up in IANA's database before it is sent; a machine without one sends it as it is."""
    words = ("scheduled", "create", PERSON, "Hello", "--at", "2999-01-31", "--repeat", "day", "--timezone")
    for name, cure in (("Asia/Kolkatta", "did you mean Asia/Kolkata?"), ("Mars/X", "one is Asia/Kolkata.")):
        code, _, err = periskope(*words, name)
        assert (code, f"'{name}' is not the name of a time zone; " in err, cure in err) == (2, True, True)
    assert fake.calls == 0
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    assert periskope(*words, "Mars/X")[0] == 0


def test_runs(periskope: Command, fake: FakePeriskope) -> None:
    """The runs of a message are listed, with what was sent."""
    name = fake.scheduled_messages.ids[0]
    fake.scheduled_messages.change(name, scheduled_at="2020-01-01T00:00:00+00:00")
    code, out, _ = periskope("scheduled", "runs", name)
    assert (code, out.splitlines()[1].split()[3]) == (0, "sent")
    (run,) = json.loads(periskope("scheduled", "runs", name, "--all", "-o", "json")[1])
    assert run["scheduled_id"] == name


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([PERSON, "--at", "2999-01-01"], "Say what to send"),
        ([PERSON, "x", "--at", "2999-01-01", "--every", "2"], "--repeat"),
        ([PERSON, "x"], "--at"),
        ([PERSON, "x", "--at", "2020-01-01"], "--at"),
    ],
)
def test_what_cannot_be_scheduled(periskope: Command, fake: FakePeriskope, words: list[str], reason: str) -> None:
    """A message without text or time, or with half a rhythm, is refused before anything is sent."""
    code, _, err = periskope("scheduled", "create", *words)
    assert (code, fake.calls) == (2, 0)
    assert reason in err


def test_a_message_of_which_little_is_known() -> None:
    """What the service does not say, or says in another way, is left out."""
    fields: dict[str, Any] = {"scheduled_id": "s", "is_repeat": True, "message_payload": {"media": "x"}}
    message = ScheduledMessage.from_dict(fields)
    assert "every ?" in text_of(scheduled_view(message))
    assert text_of(scheduled_table([message], 50), width=50).splitlines()[0].split() == ["Message", "Text"]


# -- what became of it ------------------------------------------------------------------------------------------------


def test_audit_logs(periskope: Command, fake: FakePeriskope) -> None:
    """Who changed what of a ticket or a chat is listed, newest first, narrowed by who and how."""
    for status in ("open", "closed"):
        periskope("tickets", "update", "BKT-002", "--status", status)
    code, out, _ = periskope("tickets", "audit-logs", "BKT-002", "--by", "api", "--action", "STATUS_CHANGED")
    assert (code, len(out.splitlines())) == (0, 3)
    assert "status: open > closed" in out.splitlines()[1]
    assert fake.requests[-1].path.partition("?")[2].split("&")[0] == "performed_by=api"
    assert len(periskope("tickets", "audit-logs", "BKT-002", "--limit", "1", "-o", "jsonl")[1].splitlines()) == 1
    code, out, _ = periskope("chats", "audit-logs", PERSON, "--all", "-o", "json")
    assert (code, json.loads(out)) == (0, [])
    assert "When" in text_of(log_view(AuditLog.from_dict({"log_id": "l"})))


def test_ai_settings(periskope: Command) -> None:
    """What the AI may do in a chat is changed in part, and all of it shown."""
    code, out, _ = periskope("chats", "ai-settings", PERSON, "--no-agent")
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines()] == [PERSON, "no", "yes"]
    code, out, _ = periskope("chats", "ai-settings", PERSON, "--no-flagging", "-o", "json")
    assert json.loads(out) == {"chat_id": PERSON, "is_agent_allowed": False, "is_flagging_allowed": False}
    assert periskope("chats", "ai-settings", PERSON)[0] == 2
