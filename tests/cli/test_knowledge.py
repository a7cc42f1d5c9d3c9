"""`periskope knowledge-base`: what is printed, what is asked, and how each ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from periskope_async.testing import FakePeriskope, Reply

Command = Callable[..., tuple[int, str, str]]
FAQ = "ai-context-aaaaaaaaaaaaaaa"
JSON = (("Content-Type", "application/json"),)


def test_list_and_get(periskope: Command, fake: FakePeriskope) -> None:
    """Questions and chunks are listed, all or of one type; a question is shown whole, a document by its chunks."""
    code, out, err = periskope("knowledge-base", "list")
    assert (code, len(out.splitlines()), err) == (0, 4, "")
    out = periskope("kb", "list", "--type", "faq", "-o", "json")[1]
    assert [item["context_id"] for item in json.loads(out)] == [FAQ]
    code, out, err = periskope("kb", "list", "--limit", "1", "-o", "jsonl")
    assert (code, len(out.splitlines())) == (0, 1)
    assert "There are more than 1" in err
    fake.knowledge_base.change(FAQ, question="How \x1b[31m?", attachments=["https://example.com/a.png"])
    code, out, _ = periskope("kb", "get", FAQ)
    assert out.splitlines()[0] == "How \N{REPLACEMENT CHARACTER}[31m?"
    assert "https://example.com/a.png" in out
    document = fake.knowledge_base.get(fake.knowledge_base.ids[1])["document_id"]
    code, out, _ = periskope("kb", "get", document, "--document", "-o", "json")
    assert (code, len(json.loads(out))) == (0, 2)
    code, _, err = periskope("kb", "get", document)
    assert code == 4
    assert "No such faq." in err


def test_questions(periskope: Command, fake: FakePeriskope) -> None:
    """A question is added, whose ID is all that is printed; it is changed in part, and deleted after a yes."""
    code, out, _ = periskope("kb", "create", "Where?", "Here.", "--attachment", "https://example.com/a.png")
    name = out.strip()
    assert code == 0
    assert fake.knowledge_base.get(name)["attachments"] == ["https://example.com/a.png"]
    code, out, _ = periskope("kb", "update", name, "--answer", "There.", "-o", "json")
    assert (code, json.loads(out)["question"], json.loads(out)["answer"]) == (0, "Where?", "There.")
    assert periskope("kb", "update", name, "--question", "Whither?")[0] == 0
    assert fake.requests[-1].json() == {"question": "Whither?", "answer": "There."}
    fake.clear()
    assert periskope("kb", "update", name, "--question", "a", "--answer", "b")[0] == 0
    assert [request.method for request in fake.requests] == ["PATCH"]  # what is named whole is not read first
    code, _, err = periskope("kb", "update", name)
    assert (code, "Nothing to change" in err) == (2, True)
    code, _, err = periskope("kb", "delete", name)
    assert (code, "--yes" in err, name in fake.knowledge_base.ids) == (2, True, True)
    assert periskope("kb", "delete", name, "--yes") == (0, "", "")
    assert name not in fake.knowledge_base.ids


def test_documents(periskope: Command, tmp_path: Path) -> None:
    """A document is added by its path or its URL, and what became of it is said; it is deleted whole."""
    path = tmp_path / "parcels.txt"
    path.write_text("A parcel is brought within three days. " * 60, "utf-8")
    code, out, _ = periskope("kb", "upload", str(path))
    name, status, chunks = out.split()[:3]
    assert (code, status, chunks) == (0, "success", "3")
    code, out, _ = periskope("kb", "upload", "https://example.com/a.pdf", "--name", "b.pdf", "-o", "json")
    assert (code, json.loads(out)[0]["file_name"]) == (0, "b.pdf")
    assert periskope("kb", "delete", name, "--document", "--yes")[0] == 0
    assert periskope("kb", "get", name, "--document")[0] == 4
    code, _, err = periskope("kb", "upload", str(tmp_path / "nothing.pdf"))
    assert (code, "nothing.pdf: No such file" in err) == (9, True)


def test_a_document_that_was_not_added(periskope: Command, fake: FakePeriskope) -> None:
    """A document that the service has read and not added ends with code 1, and its reason."""
    refused = b'[{"file_name": "a", "status": "failed", "reason": "too large"}]'
    fake.answer(lambda _: Reply(200, refused, JSON))
    code, out, _ = periskope("kb", "upload", "https://example.com/a.pdf")
    assert (code, out.split("  ")[0]) == (1, "not added")
    assert "too large" in out


def test_of_a_document_only_its_length_is_shown(periskope: Command, tmp_path: Path) -> None:
    """A dry run sums the file up."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc" * 1_000)
    out = periskope("kb", "upload", str(path), "--dry-run")[1]
    document = {"filename": "a.txt", "base64": "(4,000 characters of base64)"}
    assert json.loads(out.partition("\n\n")[2])["document"] == document


@pytest.mark.parametrize("group", ["knowledge-base", "scheduled-messages", "tasks"])
def test_what_a_group_holds(run: Command, group: str) -> None:
    """The help of a group lists its commands, in the order in which a newcomer meets them."""
    commands = {
        "knowledge-base": ["list", "get", "create", "upload", "update", "delete"],
        "scheduled-messages": ["list", "get", "runs", "create", "update", "delete"],
        "tasks": ["list", "create"],
    }
    code, out, _ = run(group, "--help")
    listed = out.partition("Commands:\n")[2].splitlines()
    assert (code, [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "]) == (
        0,
        commands[group],
    )
