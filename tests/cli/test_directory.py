"""The commands on contacts, phones, members and webhooks: what they print, where, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from periskope_async.testing import FakePeriskope, Fault, Reply, Request

Command = Callable[..., tuple[int, str, str]]
PERSON = "919537851844"
NOBODY = "919876599999"
PHONE = "918527184400"
PHONE_ID = "phone-tqhzsvcwlkbnmrxd"


@pytest.fixture(autouse=True)
def _of_one_phone(_at_home_nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the phone where a shell does."""
    monkeypatch.setenv("PERISKOPE_PHONE", PHONE)


# -- contacts ---------------------------------------------------------------------------------------------------------


def test_contacts_get(periskope: Command, fake: FakePeriskope) -> None:
    """A contact is shown to be read, or as the API sends it; of several, those that are there."""
    fake.contacts.change(f"{PERSON}@c.us", contact_name="Asha \x1b[31m", is_internal=True)
    code, out, err = periskope("contacts", "get", PERSON)
    assert (code, err) == (0, "")
    assert "Asha \N{REPLACEMENT CHARACTER}[31m" in out
    assert "Colleague" in out
    code, out, _ = periskope("contacts", "get", PERSON, "-o", "json")
    assert json.loads(out) == fake.contacts.get(f"{PERSON}@c.us")
    code, out, err = periskope("contacts", "get", PERSON, NOBODY, "-o", "jsonl")
    assert (code, len(out.splitlines())) == (1, 1)
    assert "No such contact." in err


def test_contacts_list(periskope: Command, fake: FakePeriskope) -> None:
    """A list has a row for each contact; as CSV, what an import reads."""
    code, out, _ = periskope("contacts", "list", "--limit", "2")
    assert (code, len(out.splitlines())) == (0, 3)
    code, out, _ = periskope("contacts", "list", "--all", "-o", "json")
    assert len(json.loads(out)) == fake.contacts.count
    fake.contacts.put({"contact_id": "1@c.us", "contact_name": None, "labels": ["a", "b"], "is_internal": None})
    _, out, _ = periskope("contacts", "list", "--all", "-o", "csv")
    assert out.splitlines()[:2] == ["contact_id,contact_name,labels,is_internal", '1@c.us,,"a, b",']
    assert {line.rpartition(",")[2] for line in out.splitlines()[2:]} <= {"true", "false"}


def test_contacts_create_update_and_check(periskope: Command, fake: FakePeriskope) -> None:
    """A contact is made, changed and checked; what is not named is not sent."""
    code, out, _ = periskope("contacts", "create", f"+{NOBODY}", "Asha", "--labels", "vip", "--external")
    assert code == 0
    assert "Asha" in out
    assert fake.requests[-1].json() == {
        "contact_id": NOBODY,
        "contact_name": "Asha",
        "labels": "vip",
        "is_internal": False,
    }
    code, out, _ = periskope("contacts", "update", NOBODY, "--name", "Ravi", "--internal", "-o", "json")
    assert (code, json.loads(out)["contact_name"], json.loads(out)["is_internal"]) == (0, "Ravi", True)
    code, _, err = periskope("contacts", "update", NOBODY)
    assert code == 2
    assert "Nothing to change" in err
    code, out, _ = periskope("contacts", "check", NOBODY, "12025550123")
    assert [line.partition(" ")[2].strip() for line in out.splitlines()] == ["on WhatsApp", "not on WhatsApp"]
    code, out, _ = periskope("contacts", "check", NOBODY, "-o", "json")
    assert json.loads(out) == [{"contact_id": f"{NOBODY}@c.us", "exists": True}]


# -- contacts import --------------------------------------------------------------------------------------------------

ROWS = f"""\
Number,Name,labels,Internal,Town
+91 98765-99999,Asha,"vip, new",yes,Pune
{PERSON}@c.us,Renamed,,,
919876599998,,vip,,
"""


def written(file: Path, text: str) -> Path:
    """Write *text* into *file*."""
    file.write_text(text, "utf-8-sig")
    return file


def beside(file: Path) -> list[str]:
    """Return the names of what lies beside a file."""
    return sorted(path.name for path in file.parent.iterdir() if path != file)


def errors_of(file: Path) -> list[dict[str, object]]:
    """Return what an import says of the rows that failed."""
    return [json.loads(line) for line in Path(f"{file}.errors.jsonl").read_text("utf-8").splitlines()]


def test_import(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """Rows update a contact or make one; those that failed stand beside the file, and a second run mends them."""
    file = written(tmp_path / "people.csv", ROWS)
    code, out, err = periskope("contacts", "import", str(file))
    assert (code, out) == (1, "1 created, 1 updated\n")
    assert "Columns that are not read: Town." in err
    assert "1 rows failed" in err
    made, renamed = fake.contacts.get(f"{NOBODY}@c.us"), fake.contacts.get(f"{PERSON}@c.us")
    assert (made["contact_name"], made["labels"], made["is_internal"]) == ("Asha", ["VIP", "new"], True)
    assert renamed["contact_name"] == "Renamed"
    (failure,) = errors_of(file)
    assert (failure["line"], failure["contact_id"]) == (4, "919876599998")
    assert failure["reason"] == "a new contact needs a contact_name"
    assert beside(file) == ["people.csv.done.jsonl", "people.csv.errors.jsonl"]

    assert periskope("contacts", "import", str(file))[0] == 2  # it asks what is meant
    written(file, ROWS.replace("919876599998,,", "919876599998,Dev,"))
    fake.clear()
    code, out, err = periskope("contacts", "import", str(file), "--resume")
    assert (code, out) == (0, "1 created, 0 updated, 2 done before\n")
    assert (fake.calls, beside(file)) == (2, [])
    assert fake.contacts.get("919876599998@c.us")["contact_name"] == "Dev"


def test_import_begins_anew(periskope: Command, tmp_path: Path) -> None:
    """With --overwrite all rows go out again, whatever a stopped run has done."""
    file = written(tmp_path / "people.csv", ROWS)
    assert periskope("contacts", "import", str(file))[0] == 1
    code, out, _ = periskope("contacts", "import", str(file), "--overwrite")
    assert (code, out) == (1, "0 created, 2 updated\n")
    assert periskope("contacts", "import", str(file), "--overwrite", "--resume")[0] == 2


def test_what_was_done_is_read_after_a_crash(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """Lines that are cut off, or not ours, count as not done."""
    file = written(tmp_path / "people.csv", ROWS)
    assert periskope("contacts", "import", str(file))[0] == 1
    done = Path(f"{file}.done.jsonl")
    first, second = done.read_bytes().splitlines()
    done.write_bytes(b'null\n{"row": ' + b"\n" + first + b"\n" + second[:10])
    fake.clear()
    assert periskope("contacts", "import", str(file), "--resume")[1] == "0 created, 1 updated, 1 done before\n"


def test_rows_that_cannot_be_sent(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """Of a row without a number, a value or sense, nothing is sent, and the reason is written down."""
    text = "contact_id;contact_name;is_internal\nAsha;Asha;\n1202555;A;maybe\n12025550101;;\n12025550102;B;no\n"
    file = written(tmp_path / "people.csv", text + "+1 202 555 0102;C;1\n12025550103\n")
    code, out, _ = periskope("contacts", "import", str(file))
    assert (code, out) == (1, "1 created, 0 updated\n")
    assert {failure["line"]: failure["reason"] for failure in errors_of(file)} == {
        2: "contact_id: expected a number with country code",
        3: "is_internal: expected true or false",
        4: "nothing to set",
        6: "the same number as in line 5",
        7: "nothing to set",
    }
    assert fake.calls == 2
    assert fake.contacts.get("12025550102@c.us")["is_internal"] is False


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no column contact_id"),
        (b"name\nAsha\n", "no column contact_id"),
        (b"contact_id\n\xff\n", "not CSV in UTF-8"),
    ],
)
def test_what_is_not_a_file_of_contacts(
    periskope: Command, fake: FakePeriskope, tmp_path: Path, content: bytes, reason: str
) -> None:
    """Another file, or none, is refused with its reason; nothing is sent or written."""
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    code, _, err = periskope("contacts", "import", str(file))
    assert (code, fake.calls, beside(file)) == (9, 0, [])
    assert reason in err
    code, _, err = periskope("contacts", "import", str(tmp_path / "nothing.csv"))
    assert code == 9


def test_import_with_a_refused_key(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A key that is refused ends it at once, and leaves no files."""
    rows = "".join(f"1202555{n:04},Asha\n" for n in range(100))
    file = written(tmp_path / "people.csv", f"contact_id,contact_name\n{rows}")
    code, _, err = periskope("contacts", "import", str(file), "--api-key", "wrong-key-123456")
    assert code == 3
    assert "refused the key" in err
    assert (fake.calls < 100, beside(file)) == (True, [])


def test_import_into_a_service_that_is_down(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """After twenty failures of the moment in a row the rest is not tried, and --resume goes on with it."""
    rows = "".join(f"1202555{n:04},Asha\n" for n in range(60))
    file = written(tmp_path / "people.csv", f"contact_id,contact_name\n{rows}")
    fake.faults.add(Fault.STATUS_503)
    code, out, err = periskope("contacts", "import", str(file), "--retries", "0")
    assert (code, out) == (7, "0 created, 0 updated\n")
    assert "rows were not tried" in err
    assert 20 <= len(errors_of(file)) == fake.counts[Fault.STATUS_503] < 60
    fake.faults.clear()
    code, out, _ = periskope("contacts", "import", str(file), "--resume")
    assert (code, out, beside(file)) == (0, "60 created, 0 updated\n", [])


def test_dry_import(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """A dry run shows each row that can be sent, says why others cannot, and neither sends nor writes anything."""
    file = written(tmp_path / "people.csv", f"contact_id,contact_name\n{PERSON},Asha\nnobody,Asha\n{NOBODY},Ravi\n")
    code, out, err = periskope("contacts", "import", str(file), "--dry-run")
    assert (code, out.count("PATCH "), fake.calls, beside(file)) == (1, 2, 0, [])
    assert "Line 3: contact_id: expected a number" in err


def test_contacts_export(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """Every contact is saved in full, and some by their ids; an export goes on where it ended."""
    file = tmp_path / "contacts.jsonl"
    assert periskope("contacts", "export", f"{PERSON}@c.us", "--out", str(file))[0] == 0
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == [fake.contacts.get(f"{PERSON}@c.us")]
    assert periskope("contacts", "export", "--all", "--resume", "--out", str(file))[0] == 0
    found = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert sorted(contact["contact_id"] for contact in found) == sorted(fake.contacts.ids)
    assert all("chat_ids" in contact for contact in found)


# -- phones -----------------------------------------------------------------------------------------------------------


def test_phones(periskope: Command, fake: FakePeriskope) -> None:
    """Phones are listed and shown, as a table or as the API sends them."""
    assert "CONNECTED" in periskope("phones", "list")[1]
    assert json.loads(periskope("phones", "list", "-o", "json")[1]) == [fake.phones.get(PHONE_ID)]
    assert PHONE_ID in periskope("phones", "get")[1]
    assert json.loads(periskope("phones", "get", "-o", "json")[1]) == fake.phones.get(PHONE_ID)


def test_code(periskope: Command, fake: FakePeriskope, tmp_path: Path) -> None:
    """The code is printed with half blocks, or saved; a connected phone has none."""
    code, _, err = periskope("phones", "qr")
    assert code == 4
    assert "The service has no code to show" in err
    assert "A connected phone has none" in err
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    code, out, err = periskope("phones", "qr")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 15
    assert out.splitlines()[1].startswith("██ ▄▄▄▄▄ █")
    assert periskope("phones", "qr", "--out", str(tmp_path / "code.png")) == (0, "", "")
    assert (tmp_path / "code.png").read_bytes()[1:4] == b"PNG"


def test_code_in_a_terminal(periskope: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is black on white, whatever colours that has."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    _, out, _ = periskope("phones", "qr")
    assert "\x1b[38;2;0;0;0;48;2;255;255;255m" in out
    assert "█ ▄▄▄ █" in out or "█ ███ █" in out


def test_code_that_cannot_be_shown(periskope: Command, fake: FakePeriskope) -> None:
    """What is not a PNG is not shown, and the message says how to save it."""
    fake.answer(lambda _: Reply(200, b"\xff\xd8\xff", (("Content-Type", "image/jpeg"),)))
    code, out, err = periskope("phones", "qr")
    assert (code, out) == (7, "")
    assert "image/jpeg" in err
    assert "--out FILE" in err


def test_waiting_for_the_scan(periskope: Command, fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --wait it ends when the code was scanned; one that changed meanwhile is shown again."""
    from periskope_async.cli.commands import phones

    monkeypatch.setattr(phones, "_FRESH", 0.01)
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    codes = 0

    def other_code(request: Request) -> Reply | None:
        nonlocal codes
        if not request.target.endswith("/qr"):
            return None
        codes += 1
        if codes == 3:  # scanned, and asked for a code before that was seen
            fake.phones.change(PHONE_ID, wa_state="CONNECTED")
            return None
        return Reply(200, b"\xff" * codes, (("Content-Type", "image/jpeg"),))

    fake.answer(other_code)
    shown: list[bytes] = []
    monkeypatch.setattr(phones, "_show", lambda image, _: shown.append(image.content))
    code, out, err = periskope("phones", "qr", "--wait")
    assert (code, err) == (0, "")
    assert PHONE_ID in out
    assert shown == [b"\xff", b"\xff\xff"]


def test_waiting_in_vain(periskope: Command, fake: FakePeriskope) -> None:
    """A code that nobody scans is shown once, and ends as a timeout."""
    fake.phones.change(PHONE_ID, wa_state="DISCONNECTED")
    code, out, err = periskope("phones", "qr", "--wait", "--deadline", "0.05")
    assert (code, len(out.splitlines())) == (6, 15)
    assert "not scanned within 0.05 s" in err


def test_what_a_phone_is_lost_by_asks(periskope: Command, fake: FakePeriskope) -> None:
    """Restart, reset and delete ask, and refuse where nobody is there; with --yes they are done."""
    for command in (("restart",), ("reset", PHONE), ("delete", PHONE)):
        code, _, err = periskope("phones", *command)
        assert code == 2
        assert "needs --yes" in err
    assert fake.calls == 0
    assert periskope("phones", "restart", "--yes") == (0, "", "")
    assert periskope("phones", "reset", PHONE, "--yes") == (0, "", "")
    assert fake.phones.get(PHONE_ID)["wa_state"] == "DISCONNECTED"
    assert periskope("phones", "delete", PHONE, "--yes") == (0, "", "")
    assert fake.phones.count == 0


# -- members and webhooks ---------------------------------------------------------------------------------------------


def test_members(periskope: Command, fake: FakePeriskope) -> None:
    """Each address is told what became of it; taking somebody out asks first."""
    new = "new@example.com"
    arguments = ("--role", "member", "--label", "vip", "--of-phone", PHONE)
    code, out, _ = periskope("members", "invite", new, "asha@example.com", *arguments)
    assert [line.split()[:2] for line in out.splitlines()] == [[new, "invited"], ["asha@example.com", "failed"]]
    assert code == 1
    assert fake.requests[-1].json() == {
        "emails": [new, "asha@example.com"],
        "role": "member",
        "labels": ["vip"],
        "orgPhones": [PHONE],
    }
    code, out, _ = periskope("members", "invite", "another@example.com", "-o", "json")
    assert (code, json.loads(out)["addedMembers"][0]["email"]) == (0, "another@example.com")
    assert periskope("members", "delete", new)[0] == 2
    assert periskope("members", "delete", new, "--yes") == (0, "", "")
    assert new not in fake.members.ids


def test_webhooks(periskope: Command, fake: FakePeriskope) -> None:
    """Subscriptions are made for one event or several, listed and ended."""
    code, out, _ = periskope("webhooks", "create", "https://example.com/a", "note.created", "-o", "json")
    (made,) = json.loads(out)
    assert (code, fake.requests[-1].json()["integrationName"]) == (0, "note.created")
    code, out, _ = periskope("webhooks", "create", "https://example.com/b", "ticket.created", "moon.risen", "-y")
    assert (code, "moon.risen" in out) == (0, True)
    fake.webhooks.change(made["id"], is_subscribed=False)
    _, out, _ = periskope("webhooks", "list")
    assert len(out.splitlines()) == 1 + 4
    assert "off" in out
    assert periskope("webhooks", "delete", made["id"])[0] == 2
    assert periskope("webhooks", "delete", made["id"], "--yes") == (0, "", "")
    assert len(json.loads(periskope("webhooks", "list", "-o", "json")[1])) == 3


def test_an_event_that_may_be_misspelled(periskope: Command, fake: FakePeriskope) -> None:
    """A subscription to an event that this version does not know needs a yes, and says which one may be meant."""
    code, _, err = periskope("webhooks", "create", "https://example.com/a", "ticket.create", "moon.risen")
    assert (code, fake.calls) == (2, 0)
    assert "ticket.create: this version knows no such event; did you mean ticket.created?" in err
    assert "moon.risen: this version knows no such event; there are chat.created, " in err
    assert "this needs --yes" in err


def test_unknown_state_of_a_check() -> None:
    """A number of which the service says nothing is shown as not known."""
    from rich.console import Console

    from periskope_async.cli.render_directory import check_table
    from periskope_async.models import ContactCheck

    console = Console(width=60)
    with console.capture() as shown:
        console.print(check_table([ContactCheck(contact_id="1")]))
    assert "not known" in shown.get()
