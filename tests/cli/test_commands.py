"""Each command in this process: what it prints, where, and how it ends."""

import csv
import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from periskope_async._extras import needs_extra
from periskope_async.cli.app import app
from periskope_async.cli.commands.demo import PROGRAM
from periskope_async.cli.options import PRIORITIES, STATUSES
from periskope_async.models import TicketPriority, TicketStatus
from periskope_async.testing import FakePeriskope, Reply
from tests.support import each_of

Command = Callable[..., tuple[int, str, str]]


# --- tickets get -----------------------------------------------------------------------------------------------------


def test_get_shows_ticket_chat_and_message(periskope: Command) -> None:
    """The view tells what a ticket is, where it came from and what was said, without technical noise."""
    code, out, err = periskope("tickets", "get", "BKT-001")
    assert (code, err) == (0, "")
    for told in ("BKT-001", "Issue with this", "bharat@periskope.app", "BK Local1", "Support (ours, admin)"):
        assert told in out
    assert "2025-01-26 13:46 UTC" in out
    assert "org_id" not in out


def test_get_json_is_what_the_api_sends(periskope: Command, fake: FakePeriskope) -> None:
    """`json` gives one ticket as the object the API sends, several as an array in the order asked for."""
    code, out, _ = periskope("tickets", "get", "BKT-001", "--output", "json")
    assert (code, json.loads(out)) == (0, fake.get("BKT-001"))
    code, out, _ = periskope("tickets", "get", "BKT-003", "BKT-002", "-o", "json")
    assert (code, json.loads(out)) == (0, [fake.get("BKT-003"), fake.get("BKT-002")])


def test_where_there_is_json_there_are_lines() -> None:
    """Every command that prints `json` prints `jsonl` too."""

    def commands(group: click.Group) -> Iterator[click.Command]:
        for command in group.commands.values():
            yield from commands(command) if isinstance(command, click.Group) else (command,)

    forms = [
        param.type.choices
        for command in commands(app)
        for param in command.params
        if param.name == "output" and isinstance(param.type, click.Choice)
    ]
    assert len(forms) > 30
    assert all(("json" not in each) or ("jsonl" in each) for each in forms)


def test_lines_of_what_is_changed(periskope: Command, fake: FakePeriskope) -> None:
    """Of several tickets `jsonl` prints a line each, of one thing one line."""
    code, out, _ = periskope("tickets", "update", "BKT-001", "BKT-002", "--status", "closed", "-o", "jsonl")
    assert (code, [json.loads(line)["ticket"]["status"] for line in out.splitlines()]) == (0, ["closed", "closed"])
    code, out, _ = periskope("tickets", "create", "--chat-id", fake.chats.ids[0], "--subject", "Lines", "-o", "jsonl")
    assert (code, json.loads(out)["ticket"]["subject"], out.count("\n")) == (0, "Lines", 1)


@each_of(
    ("words", "begins"),
    [
        (("tickets", "get", "BKT-001", "--timeout", "0"), "A setting is unusable.\n--timeout: "),
        (("tickets", "get", "BKT-001", "--phone", "x"), "A setting is unusable.\n--phone: "),
        (("tickets", "get", ".."), "ID: '..' would name another resource\n"),
        (("chats", "get", "x", "-o", "json"), "ID: expected a number "),
        (("webhooks", "create", "x", "ticket.created"), "URL: expected a URL"),
        (("tasks", "create", " "), "TITLE: is empty\n"),
    ],
)
def test_what_an_unusable_value_is_of(periskope: Command, words: tuple[str, ...], begins: str) -> None:
    """An error names the value as the command does, and says what is wrong with it; of a setting, that it is one."""
    code, _, err = periskope(*words)
    assert (code, err[: len(begins) + 7]) == (2, f"Error: {begins}")


def test_several_unusable_values(periskope: Command, fake: FakePeriskope) -> None:
    """Of several ids that can be none, one error says why of each; the others come."""
    code, out, err = periskope("tickets", "get", "..", "BKT-002", ".", "-o", "json")
    assert (code, json.loads(out)[0]["ticket"]["ticket_id"], fake.calls) == (1, "BKT-002", 1)
    assert err.count("Error:") == 1
    assert err.count("would name another resource") == 2


def test_a_refused_key_is_one_fact(periskope: Command, fake: FakePeriskope) -> None:
    """However many ids it was sent for, that the key was refused is said once, and what to check."""
    fake.rotate_key("another-key-0123456789")
    code, _, err = periskope("tickets", "get", *fake.ticket_ids)
    assert (code, err.count("[401]")) == (3, 1)
    assert "check PERISKOPE_API_KEY" in err
    assert "periskope doctor" in err


def test_get_jsonl_is_one_line_a_ticket(periskope: Command, fake: FakePeriskope) -> None:
    """`jsonl` gives a line for each ticket, however many there are."""
    for ids in (["BKT-004"], ["BKT-004", "BKT-005"]):
        code, out, _ = periskope("tickets", "get", *ids, "-o", "jsonl")
        assert (code, [json.loads(line) for line in out.splitlines()]) == (0, [fake.get(one) for one in ids])


def test_get_table_in_a_pipe_loses_no_text(periskope: Command, fake: FakePeriskope) -> None:
    """Where no terminal sets a width, the table is as wide as its longest subject."""
    fake.change("BKT-002", subject="word " * 100)
    code, out, _ = periskope("tickets", "get", "BKT-001", "BKT-002", "-o", "table")
    assert code == 0
    assert len(out.splitlines()) == 3
    assert ("word " * 100).strip() in out


@pytest.mark.parametrize("ids", [("BKT-001,BKT-002",), ("BKT-003", "BKT-001,BKT-002,")])
def test_ids_with_commas_between(periskope: Command, ids: tuple[str, ...]) -> None:
    """Who puts commas between ids reads how they are written, once the service has not found such an id."""
    code, _, err = periskope("tickets", "get", *ids)
    assert code == (4 if len(ids) == 1 else 1)
    assert "No such ticket" in err
    assert err.endswith("Put blanks between IDs, not commas: BKT-001 BKT-002\n")
    assert "blanks" not in periskope("tickets", "get", "BKT-404404")[2]


def test_get_shows_what_came_and_tells_what_did_not(periskope: Command) -> None:
    """One unknown id among good ones costs no ticket: code 1, tickets on stdout, the reason on stderr."""
    code, out, err = periskope("tickets", "get", "BKT-001", "NONE-1", "BKT-002", "-o", "jsonl")
    assert code == 1
    assert [json.loads(line)["ticket"]["ticket_id"] for line in out.splitlines()] == ["BKT-001", "BKT-002"]
    assert "No such ticket" in err
    assert "NONE-1" in err


# --- how commands fail -----------------------------------------------------------------------------------------------


def test_unknown_ids(periskope: Command) -> None:
    """If there is none of the tickets, the code says so."""
    code, out, err = periskope("tickets", "get", "NONE-1")
    assert (code, out) == (4, "")
    assert "No such ticket" in err
    assert "NONE-1" in err
    assert periskope("tickets", "get", "NONE-1", "NONE-2")[0] == 4


def test_no_key(run: Command) -> None:
    """Without a key nothing is sent, and the message names the way to give one and the way to do without."""
    code, out, err = run("tickets", "get", "BKT-001")
    assert (code, out) == (2, "")
    assert "PERISKOPE_API_KEY" in err
    assert "periskope demo" in err


def test_refused_key(periskope: Command) -> None:
    """A refused key is told as such, once, and not shown; of many ids the rest is not tried."""
    for ids in (["BKT-001"], [f"BKT-{n:03}" for n in range(1, 101)]):
        code, out, err = periskope("tickets", "get", *ids, "--api-key", "wrong-key-123456")
        assert (code, out) == (3, "")
        assert err.count("refused the key") == 1
        assert "wrong-key" not in err
        assert ("tickets were not tried" in err) == (len(ids) > 1)


def test_no_network(periskope: Command, fake: FakePeriskope) -> None:
    """Where nobody listens, the message tells the address that was tried."""
    fake.down()
    code, out, err = periskope("tickets", "get", "BKT-001", "--retries", "0")
    assert (code, out) == (6, "")
    assert "did not answer" in err
    assert fake.base_url.split("/")[2] in err


@pytest.mark.parametrize(("fault", "expected"), [("500", 7), ("html", 7), ("400", 8), ("403", 3), ("429-huge", 5)])
def test_every_kind_of_answer_has_its_code(periskope: Command, fake: FakePeriskope, fault: str, expected: int) -> None:
    """An error of the service ends with the code of its kind and no traceback."""
    fake.faults.add(fault)
    code, out, err = periskope("tickets", "get", "BKT-001", "--retries", "0")
    assert (code, out) == (expected, "")
    assert err.startswith("Error: ")
    assert fake.counts.total() == 1


def test_how_long_the_service_asks_to_wait(periskope: Command, fake: FakePeriskope) -> None:
    """A rate limit that ends after the deadline says when: a little while may be a day."""
    fake.faults.add("429-huge")
    code, _, err = periskope("tickets", "get", "BKT-001", "--retries", "0")
    assert code == 5
    assert re.search(r"The service asks to wait for [\d,]{3,} s\.", err)
    assert fake.counts["429-huge"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("tickets", "get", ".."),
        ("tickets", "get", "BKT-001", "--timeout", "0"),
        ("tickets", "get", "BKT-001", "--base-url", "http://example.com/v1"),
        ("tickets", "get"),
        ("tickets", "get", "BKT-001", "--output", "xml"),
        ("tickets", "update", "BKT-001"),
        ("tickets", "update", "BKT-001", "--assignee", "a@b.c", "--clear", "assignee"),
        ("no-such-command",),
    ],
)
def test_a_wrong_command_sends_nothing(periskope: Command, fake: FakePeriskope, arguments: tuple[str, ...]) -> None:
    """A wrong value is code 2 before anything is sent."""
    code, out, err = periskope(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err
    assert fake.calls == 0


def test_a_file_that_is_not_there(periskope: Command) -> None:
    """What the operating system refuses is told with the file's name."""
    code, _, err = periskope("tickets", "export", "--ids-file", "/no/such/file")
    assert code == 9
    assert err == "Error: /no/such/file: No such file or directory\n"


def test_a_bug_is_told_as_one(periskope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours shows no traceback either, until somebody asks for it."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("periskope_async.cli.commands.tickets.get", broken)
    code, out, err = periskope("tickets", "get", "BKT-001")
    assert (code, out) == (70, "")
    assert "ZeroDivisionError: oops" in err
    assert "Traceback" not in err
    monkeypatch.setenv("PERISKOPE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        periskope("tickets", "get", "BKT-001")


def test_help_without_the_extra(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its extra the command says in one line what to install."""
    monkeypatch.setitem(sys.modules, "rich", None)
    assert run("demo") == (2, "", f"The periskope command {needs_extra('cli')}\n")


def test_help_imports_nothing_slow() -> None:
    """`--help` loads no HTTP library and nothing to draw with: it must be there at once."""
    code = (
        "import sys; from periskope_async.cli import main; main(['tickets', 'export', '--help']);"
        "print('loaded', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert "--resume" in done.stdout
    loaded = done.stdout.partition("loaded ")[2].split()
    assert not {"aiohttp", "cattrs", "msgspec", "pyarrow", "rich", "uvloop"} & set(loaded)


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion(run: Command, shell: str) -> None:
    """Each shell gets a script that asks this command."""
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert "_PERISKOPE_COMPLETE" in out


def test_completion_answers(periskope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the script asks is answered with the commands and options that fit."""
    monkeypatch.setenv("_PERISKOPE_COMPLETE", "fish_complete")
    monkeypatch.setenv("COMP_WORDS", "periskope tickets ")
    monkeypatch.setenv("COMP_CWORD", "e")
    code, out, _ = periskope()
    assert code == 0
    assert "plain,export" in out


# --- tickets list ----------------------------------------------------------------------------------------------------


def test_list_is_a_table_of_the_first_tickets(periskope: Command) -> None:
    """`list` shows as many tickets as --limit says, one a line under a heading."""
    code, out, err = periskope("tickets", "list", "--limit", "5")
    assert (code, len(out.splitlines())) == (0, 1 + 5)
    assert "more than 5" in err
    assert "--all" in err
    assert periskope("tickets", "list", "--limit", "12")[2] == ""
    assert len(periskope("tickets", "list", "--limit", "1", "--all")[1].splitlines()) == 1 + 12


def test_nothing_in_a_pipe_is_padded(periskope: Command) -> None:
    """No line that is not for a terminal ends in blanks, of a table, a view or a report."""
    for command in (["tickets", "list"], ["tickets", "get", "BKT-001"], ["chats", "list"], ["doctor"]):
        code, out, _ = periskope(*command)
        lines = out.splitlines()
        assert code == 0
        assert len(lines) > 3
        assert [line for line in lines if line != line.rstrip()] == []


def test_list_shows_what_passes_the_filters(periskope: Command, fake: FakePeriskope) -> None:
    """Status, assignee, label and the moment of the last change choose among the rows, together."""
    for number in range(1, 13):
        fake.change(f"BKT-{number:03}", status="closed", ticket_labels="", assignee=None)
    fake.change("BKT-003", status="open", ticket_labels="vip", assignee="asha@example.com")
    fake.change("BKT-004", status="inprogress", ticket_labels="vip, new")
    fake.change("BKT-005", status="open", updated_at="2030-01-01T00:00:00Z")

    def found(*filters: str) -> set[str]:
        code, out, _ = periskope("tickets", "list", "-o", "jsonl", *filters)
        assert code == 0
        return {json.loads(line)["ticket_id"] for line in out.splitlines()}

    assert found("--status", "open") == {"BKT-003", "BKT-005"}
    assert found("--status", "open", "--limit", "1") == {"BKT-005"}
    assert found("--label", "vip") == {"BKT-003", "BKT-004"}
    assert found("--label", "vip", "--assignee", "asha@example.com") == {"BKT-003"}
    assert len(found("--updated-since", "2025-01-01")) == 12
    assert found("--updated-since", "2999-01-01") == set()
    assert periskope("tickets", "list", "--updated-since", "soon")[0] == 2


def test_list_json_is_what_the_api_sends(periskope: Command) -> None:
    """`json` gives the rows as one array, `jsonl` the same rows a line each."""
    rows = json.loads(periskope("tickets", "list", "-o", "json")[1])
    lines = periskope("tickets", "list", "-o", "jsonl")[1].splitlines()
    assert len(rows) == 12
    assert [json.loads(line) for line in lines] == rows


def test_list_csv_has_a_column_for_each_field(periskope: Command, fake: FakePeriskope) -> None:
    """`csv` gives the rows to a spreadsheet: ISO dates, labels in one cell, no cell for what is not known."""
    code, out, _ = periskope("tickets", "list", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert sorted(row["ticket_id"] for row in rows) == sorted(fake.ticket_ids)
    first = next(row for row in rows if row["ticket_id"] == "BKT-001")
    assert (first["subject"], first["status"], first["assignee"]) == ("Issue with this", "open", "bharat@periskope.app")
    assert first["created_at"] == "2025-01-26T13:46:21.670006+00:00"
    assert first["closed_at"] == ""


# --- tickets create and update ---------------------------------------------------------------------------------------


def test_create_sends_what_was_typed(periskope: Command, fake: FakePeriskope) -> None:
    """Each option is the API's own value; the ticket that came of it is shown."""
    code, out, err = periskope(
        *("tickets", "create", "--chat-id", fake.chat_ids[0], "--subject", "From a shell", "--labels", "a, b"),
        *("--priority", "urgent", "--due-date", "2026-01-31", "--assignee", "mia@example.com", "-o", "json"),
    )
    assert (code, err) == (0, "")
    created = json.loads(out)["ticket"]
    assert fake.get(created["ticket_id"])["ticket"] == created
    assert (created["subject"], created["priority"], created["ticket_labels"]) == ("From a shell", 4, "a, b")
    assert created["assignee"] == "mia@example.com"


def test_create_for_no_chat(periskope: Command) -> None:
    """What the service refuses is told field by field or in its own words."""
    code, out, err = periskope("tickets", "create", "--chat-id", "1234567@c.us", "--subject", "x")
    assert (code, out) == (4, "")
    assert err.startswith("Error: ")


def test_update_changes_what_is_named_and_clears(periskope: Command, fake: FakePeriskope) -> None:
    """`update` sends what was named, null or nothing for what is to be cleared, and shows the ticket as it is then."""
    code, out, err = periskope("tickets", "update", "BKT-001", "--status", "closed", "--clear", "assignee")
    assert (code, err) == (0, "")
    assert "closed · low priority · not assigned" in out
    assert fake.get("BKT-001")["ticket"]["status"] == "closed"
    assert json.loads(fake.requests[-1].body) == {"assignee": "", "status": "closed"}


def test_update_changes_several(periskope: Command, fake: FakePeriskope) -> None:
    """Each of several ids is changed in the same way; one that does not exist costs the others nothing."""
    ids = ["BKT-001", "NONE-1", "BKT-002"]
    code, out, err = periskope("tickets", "update", *ids, "--priority", "3", "-o", "json")
    assert code == 1
    assert [fake.get(one)["ticket"]["priority"] for one in ("BKT-001", "BKT-002")] == [3, 3]
    assert [part["ticket"]["ticket_id"] for part in json.loads(out)] == ["BKT-001", "BKT-002"]
    assert "No such ticket" in err
    assert "NONE-1" in err


def test_update_adds_and_removes_labels(periskope: Command, fake: FakePeriskope) -> None:
    """Labels are added to those there are and taken off them, and everything else stays."""
    fake.change("BKT-001", ticket_labels="vip, new")
    code, out, _ = periskope(
        "tickets", "update", "BKT-001", "--add-label", "late", "--remove-label", "new", "-o", "json"
    )
    assert (code, json.loads(out)["ticket"]["ticket_labels"].lower()) == (0, "vip, late")
    code, _, err = periskope("tickets", "update", "BKT-001", "--add-label", "late", "--labels", "a")
    assert code == 2
    assert "choose one" in err
    assert periskope("tickets", "update", "NONE-1", "--add-label", "late")[0] == 4


def test_choices_are_the_models(periskope: Command, fake: FakePeriskope) -> None:
    """What can be chosen is what the models know, and a priority may be spelled as anywhere else."""
    assert {status.value for status in TicketStatus} == set(STATUSES)
    assert [TicketPriority[name.upper()].value for name in PRIORITIES] == [1, 2, 3, 4]
    for spelling, level in (("3", 3), ("high", 3), ("URGENT", 4)):
        assert periskope("tickets", "update", "BKT-001", "--priority", spelling)[0] == 0
        assert fake.get("BKT-001")["ticket"]["priority"] == level
    assert periskope("tickets", "update", "BKT-001", "--priority", "9")[0] == 2


# --- options before the command --------------------------------------------------------------------------------------


def test_the_connection_may_be_named_first(run: Command, fake: FakePeriskope) -> None:
    """What says how to reach the service may stand before the command, between its words, or behind it."""
    key, url = ["--api-key", fake.api_key], [f"--base-url={fake.base_url}"]
    for command in (
        [*key, *url, "tickets", "get", "BKT-001"],
        [*key, "tickets", *url, "get", "BKT-001"],
        [*key, "tickets", "get", "BKT-001", *url],
        ["--api-key", "wrong-key-123456", "tickets", "get", "BKT-001", *url, *key],
    ):
        assert run(*command)[0] == 0
    assert run("--api-key", "wrong-key-123456", *url, "tickets", "get", "BKT-001")[0] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--api-key", "x", "demo"], 2, "No such option"),
        (["--phone"], 2, "--phone"),
        (["--no-such", "tickets", "list"], 2, "--no-such"),
        (["tickets", "--help"], 0, "Read, write and export"),
    ],
)
def test_options_that_are_none(run: Command, arguments: list[str], code: int, reason: str) -> None:
    """What is no option of the connection, or of a command that has none, is refused as ever."""
    found, out, err = run(*arguments)
    assert found == code
    assert reason in out + err


# --- demo, serve and Ctrl-C ------------------------------------------------------------------------------------------


def test_demo(run: Command) -> None:
    """The demo needs no key and tells what it went through: tickets, faults, answers of 429."""
    code, out, err = run("demo", "--tickets", "50", "--rate-limit", "500/1s")
    assert (code, err) == (0, "")
    for told in ("No key is needed", "Issue with this", "50 of 50", "faults: ", "0 times for going over"):
        assert told in out
    assert 'await client.tickets.get("BKT-001")\n' in out
    assert "BKT-404404: Ticket not found" in out
    assert not re.search(r" $", out, re.MULTILINE)


def test_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m periskope_async` is the command."""
    monkeypatch.setattr(sys, "argv", ["__main__.py", "--version"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(
            str(Path(__file__).parents[2] / "periskope_async" / "__main__.py"), run_name="periskope_async.__main__"
        )
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("periskope ")


def test_demo_tells_how_much_of_the_rate_limit_was_used(run: Command) -> None:
    """A run of several windows is set against what the service allowed."""
    _, out, _ = run("demo", "--tickets", "90", "--rate-limit", "50/0.4s")
    allowed, used = re.search(r"(\d+) a second allowed, (\d+) used", out).groups()  # type: ignore[union-attr]  # else it fails
    assert int(allowed) == 125
    assert 0 < int(used) <= int(allowed) * 1.4


def test_the_program_that_the_demo_gives_away(
    fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there to be pasted runs as it is, and fits a terminal."""
    monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
    monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url)
    exec(compile(PROGRAM, "program", "exec"), {})  # noqa: S102  # it is ours
    assert capsys.readouterr().out.splitlines()[-1] == "{}"
    assert fake.calls > 1
    assert max(map(len, PROGRAM.splitlines())) < 72


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--rate-limit", "fast"),
        ("serve", "--rate-limit", "fast"),
        ("serve", "--fault", "no-such-kind=0.1"),
        ("serve", "--fault", "500=often"),
        ("serve", "--delivery-fault", "no-such-kind=0.1"),
        ("serve", "--delivery-fault", "duplicate=2"),
        ("serve", "--fault", "500=0.6", "--fault", "502-html=0.6"),
    ],
)
def test_a_fake_that_cannot_be(run: Command, arguments: tuple[str, ...]) -> None:
    """A rate limit or fault that is none is told as a wrong command."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err


def test_serve_tells_how_to_reach_it(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `serve` prints can be pasted into another shell; Ctrl-C is how it is meant to end."""
    with FakePeriskope(tickets=1) as fake:
        fake_url = fake.base_url
        monkeypatch.setattr("periskope_async.cli.commands.serve.serve_fake", lambda *_, on_ready, **__: on_ready(fake))
        code, out, err = run("serve", "--fault", "500=0.5")
    assert code == 0
    assert out == (
        f"export PERISKOPE_BASE_URL={fake_url}\nexport PERISKOPE_API_KEY={fake.api_key}\n"
        f"export PERISKOPE_WEBHOOK_KEY={fake.signing_key}\n"
    )
    assert "Ctrl-C" in err


def test_ctrl_c(periskope: Command, fake: FakePeriskope) -> None:
    """Ctrl-C ends a command quietly, with the code that shells expect."""
    fake.answer(lambda _: os.kill(os.getpid(), signal.SIGINT))
    code, out, err = periskope("tickets", "get", "BKT-001")
    assert (code, out, err.strip()) == (130, "", "")


def test_serve_where_it_cannot(run: Command, fake: FakePeriskope) -> None:
    """A port that is taken, or an address that is not ours, is named with what to do."""
    port = fake.base_url.split(":")[2].split("/")[0]
    code, _, err = run("serve", "--port", port)
    assert code == 2
    assert f"Port {port} is in use" in err
    code, _, err = run("serve", "--host", "192.0.2.1", "--port", "0")
    assert code == 2
    assert "192.0.2.1" in err


# --- chats -----------------------------------------------------------------------------------------------------------

PERSON = "919537851844@c.us"


def test_chats_get(periskope: Command, fake: FakePeriskope, group: str) -> None:
    """A chat is shown with what a person asks of it; `json` gives what the API sends, an array for several."""
    code, out, err = periskope("chats", "get", PERSON)
    assert (code, err) == (0, "")
    for shown in (PERSON, "chatlabel1, chatlabel2", "Members"):
        assert shown in out
    code, out, _ = periskope("chats", "get", PERSON, "-o", "json")
    assert (code, json.loads(out)) == (0, fake.chats.get(PERSON))
    code, out, _ = periskope("chats", "get", PERSON, group, "-o", "json")
    assert (code, json.loads(out)) == (0, [fake.chats.get(PERSON), fake.chats.get(group)])
    code, out, _ = periskope("chats", "get", PERSON, group, "-o", "table")
    assert (code, len(out.splitlines())) == (0, 3)


def test_chats_that_do_not_come(periskope: Command) -> None:
    """An unknown chat costs no other, and a refused key ends the run; both stand on standard error."""
    code, out, err = periskope("chats", "get", PERSON, "1234567@c.us", "-o", "jsonl")
    assert (code, [json.loads(line)["chat_id"] for line in out.splitlines()]) == (1, [PERSON])
    assert "No such chat" in err
    assert periskope("chats", "get", "1234567@c.us")[0] == 4
    code, out, err = periskope(
        "chats", "get", *[f"{n + 10_000_000}@c.us" for n in range(100)], "--api-key", "wrong-key-123456"
    )
    assert (code, out) == (3, "")
    assert "chats were not tried" in err


def test_chats_list(periskope: Command, fake: FakePeriskope) -> None:
    """Rows: so many, or all of them, of one type or label."""
    code, out, _ = periskope("chats", "list", "--limit", "2", "-o", "jsonl")
    assert (code, len(out.splitlines())) == (0, 2)
    code, out, _ = periskope("chats", "list", "--all", "-o", "json")
    assert (code, {row["chat_id"] for row in json.loads(out)}) == (0, set(fake.chats.ids))
    code, out, _ = periskope("chats", "list", "--type", "group", "--label", "vip")
    wanted = [
        name for name in fake.chats.ids if name.endswith("@g.us") and "VIP" in (fake.chats.get(name)["labels"] or ())
    ]
    assert (code, len(out.splitlines())) == (0, 1 + len(wanted))
    assert wanted
    code, out, err = periskope("chats", "list", "--limit", "1", "-o", "csv")
    assert (code, len(list(csv.DictReader(io.StringIO(out))))) == (0, 1)
    assert "more than 1" in err
    fake.chats.put({"chat_id": "7@c.us"})
    assert "7@c.us" in periskope("chats", "list")[1]


def test_chats_update(periskope: Command, fake: FakePeriskope) -> None:
    """What is named changes; nothing named is a mistake that is not sent."""
    properties = ("--property", "property-9", "new", "--property", "tier", "gold")
    code, out, _ = periskope("chats", "update", PERSON, "--labels", "vip", *properties, "-o", "json")
    assert (code, json.loads(out)) == (0, fake.chats.get(PERSON))
    assert fake.requests[-1].json() == {"labels": "vip", "custom_properties": {"property-9": "new", "tier": "gold"}}
    shown = periskope("chats", "update", PERSON, "--assigned-to", "asha@example.com")[1]
    assert all(" ".join(words) in " ".join(shown.split()) for words in (["asha@example.com"], ["tier", "gold"]))
    fake.chats.change(PERSON, custom_properties=["odd"])
    assert "odd" in periskope("chats", "get", PERSON)[1]
    calls = fake.calls
    code, _, err = periskope("chats", "update", PERSON)
    assert code == 2
    assert "Nothing to change" in err
    assert fake.calls == calls


# --- groups ----------------------------------------------------------------------------------------------------------


def test_groups_create(periskope: Command, fake: FakePeriskope) -> None:
    """A group is made of a name and numbers, and shown."""
    code, out, _ = periskope("groups", "create", "Parcels", "+91 95378 51844", "--description", "All", "-o", "json")
    made = json.loads(out)
    assert (code, made) == (0, fake.chats.get(made["chat_id"]))
    assert (made["chat_name"], made["group_description"]) == ("Parcels", "All")
    code, out, _ = periskope("groups", "create", "More parcels", PERSON)
    assert code == 0
    assert "More parcels" in out
    assert "https://chat.whatsapp.com/" in out


def test_groups_change_people(periskope: Command, fake: FakePeriskope, group: str) -> None:
    """People are added, promoted, demoted and removed; each has a line, and one failure is code 1."""
    code, out, _ = periskope("groups", "add", group, PERSON, "17995550199")
    assert code == 0
    assert [line.split(None, 2)[:2] for line in out.splitlines()] == [[PERSON, "done"], ["17995550199@c.us", "done"]]
    assert "Invite sent to participant" in out
    code, out, _ = periskope("groups", "promote", group, PERSON, "17995550199")
    assert code == 1
    assert [line.split(None, 2)[:2] for line in out.splitlines()] == [[PERSON, "done"], ["17995550199@c.us", "failed"]]
    code, out, _ = periskope("groups", "demote", group, PERSON, "-o", "json")
    assert (code, json.loads(out)) == (0, {PERSON: {"is_success": True}})
    assert periskope("groups", "remove", group, PERSON, "--yes")[0] == 0
    assert PERSON not in fake.chats.get(group)["members"]


def test_groups_update(periskope: Command, fake: FakePeriskope, group: str) -> None:
    """Settings change as named, rights by who has them; nothing named is a mistake that is not sent."""
    rights = ("--who-adds", "all", "--who-edits", "admins", "--who-sends", "admins")
    code, out, _ = periskope("groups", "update", group, "--name", "Parcels", *rights)
    assert code == 0
    assert fake.requests[-1].json() == {
        "name": "Parcels",
        "memberAddMode": False,
        "infoAdminsOnly": True,
        "messagesAdminsOnly": True,
    }
    assert "editing its name, picture and description, sending" in " ".join(out.split())
    assert "adding members" in periskope("groups", "update", group, "--who-adds", "admins")[1]
    calls = fake.calls
    assert periskope("groups", "update", group)[0] == 2
    assert fake.calls == calls


def test_groups_leave_and_join(periskope: Command, fake: FakePeriskope, group: str) -> None:
    """A new link is printed alone, for a script; a group is left without a word, and joined again by the link."""
    code, out, err = periskope("groups", "invite", group, "--yes")
    assert (code, out, err) == (0, fake.chats.get(group)["invite_link"] + "\n", "")
    assert periskope("groups", "leave", group, "--yes") == (0, "", "")
    assert fake.chats.get(group)["is_exited"]
    assert "yes" in periskope("chats", "get", group)[1]
    code, out, _ = periskope("groups", "join", out.strip(), "-o", "json")
    assert (code, json.loads(out)) == (0, fake.chats.get(group))
    code, _, err = periskope("groups", "join", "nobody's")
    assert code == 4
    assert "No such object" in err


def test_an_invitation_without_a_link(periskope: Command, fake: FakePeriskope, group: str) -> None:
    """Where the service leaves the link out, an empty line is printed."""
    fake.answer(lambda _: Reply(200, b"{}", (("Content-Type", "application/json"),)))
    assert periskope("groups", "invite", group, "--yes") == (0, "\n", "")


@pytest.mark.parametrize("command", ["remove", "leave", "invite"])
def test_what_cannot_be_taken_back_is_asked_for(
    periskope: Command, fake: FakePeriskope, group: str, command: str, types: Callable[..., None]
) -> None:
    """A person is asked, and "no" sends nothing; where nobody can answer, it needs --yes."""
    words = ("groups", command, group, *([PERSON] if command == "remove" else ()))
    types("n\n")
    code, _, err = periskope(*words)
    assert code == 1
    assert "Nothing was changed." in err
    assert f"{group}?" in err
    types("y\n", terminal=False)
    code, _, err = periskope(*words)
    assert code == 2
    assert "--yes" in err
    assert fake.calls == 0
    types("y\n")
    assert periskope(*words)[0] in {0, 1}
    assert fake.calls == 1
