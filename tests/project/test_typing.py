"""Types as users see them: what is right passes, and each usual mistake is flagged, by mypy and by pyright."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]

#: Lines of a function that has a `client` of either package; `{await_}` stands for `await ` where there is one.
MISTAKES = {
    "key of a wrong type": "PeriskopeClient(1)",
    "second positional argument": "PeriskopeClient('key', 'phone-1')",
    "misspelt setting": "PeriskopeClient(time_out=3)",
    "setting of a wrong type": "PeriskopeClient(retries='4')",
    "setting that a clone cannot change": "client.with_options(concurrency=3)",
    "missing id": "{await_}client.tickets.get()",
    "id of a wrong type": "{await_}client.tickets.get(1)",
    "unknown keyword": "{await_}client.tickets.get('BKT-001', fresh=True)",
    "keyword-only argument given by position": "{await_}client.tickets.get_many(['BKT-001'], 60)",
    "ids of a wrong type": "{await_}client.tickets.get_many([1])",
    "callback for something else": "{await_}client.tickets.get_many([], on_progress=lambda done, total: None)",
    "missing keyword": "{await_}client.tickets.create(chat_id='1@g.us')",
    "None where it means nothing": "{await_}client.tickets.update('BKT-001', subject=None)",
    "status that there is not": "{await_}client.tickets.update('BKT-001', status='done')",
    "priority that there is not": "{await_}client.tickets.create(chat_id='1', subject='x', priority='hihg')",
    "filter that matches nothing": "client.tickets.list(status='done')",
    "field that is not there": "({await_}client.tickets.get('BKT-001')).ticket.title",
    "chat that may be absent": "({await_}client.tickets.get('BKT-001')).chat.chat_id",
    "details that there are not": "{await_}client.tickets.changed_since(details='some')",
    "tickets of changes of chats": "({await_}client.chats.changed_since()).tickets",
    "tickets of a run of chats": "({await_}client.chats.get_many([])).tickets",
    "ticket of a chat that was fetched": "Fetched('1@g.us', {await_}client.chats.get('1@g.us')).ticket",
    "change of a frozen model": "({await_}client.tickets.get('BKT-001')).ticket.subject = 'x'",
}
MISTAKES_WITHOUT_AWAIT = {
    "forgotten await": "client.tickets.get('BKT-001').ticket",
    "forgotten await of a call for its effect": "client.tickets.update('BKT-001', subject='x')",
    "forgotten await before use": "info: TicketInfo = client.tickets.get('BKT-001')",
    "with instead of async with": "with client.tickets.stream([]): pass",
    "for instead of async for": "for row in client.tickets.list(): pass",
    "close instead of aclose": "await client.close()",
}
MISTAKES_WITH_AWAIT = {
    "await of a blocking result": "await client.tickets.get('BKT-001')",
    "await of a blocking bulk run": "await client.tickets.get_many([])",
    "async with instead of with": "async with client.tickets.stream([]): pass",
    "async for instead of for": "async for row in client.tickets.list(): pass",
    "aclose instead of close": "client.aclose()",
    "session, which is of an event loop": "PeriskopeClient(session=None)",
}
CASES = {
    "periskope_async": MISTAKES | MISTAKES_WITHOUT_AWAIT,
    "periskope_sync": MISTAKES | MISTAKES_WITH_AWAIT,
}


def mypy(*paths: Path) -> dict[tuple[str, int], str]:
    """Return mypy's errors by file and line."""
    options = ["--strict", "--no-incremental", "--show-error-codes", "--hide-error-context", "--no-pretty"]
    command = [sys.executable, "-m", "mypy", "--python-executable", sys.executable, *options, *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode in {0, 1}, done.stderr
    errors = re.findall(r"^(.+?):(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    return {(Path(file).name, int(line)): message for file, line, message in errors}


def pyright(*paths: Path) -> dict[tuple[str, int], str]:
    """Return pyright's errors by file and line."""
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1): each["message"]
        for each in found
        if each["severity"] == "error"
    }


@pytest.fixture(scope="module", params=[mypy, pyright], ids=lambda checker: checker.__name__)
def check(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], str]:
    """Run a checker once over all mistakes, a line each, and over what is right; return its errors."""
    pytest.importorskip(request.param.__name__, reason=f"{request.param.__name__} is not installed")
    folder = tmp_path_factory.mktemp("mistakes")
    for package, mistakes in CASES.items():
        lines = [
            f"from {package} import Fetched, PeriskopeClient, TicketInfo",
            "async def use(client: PeriskopeClient) -> None:",
        ]
        await_ = "await " if package == "periskope_async" else ""
        lines += [f"    {line.format(await_=await_)}" for line in mistakes.values()]
        (folder / f"{package}_mistakes.py").write_text("\n".join(lines) + "\n")
    return request.param(folder, ROOT / "tests" / "typing")


@pytest.mark.parametrize(
    ("package", "mistake"), [(package, mistake) for package, mistakes in CASES.items() for mistake in mistakes]
)
def test_mistake_is_flagged(check: dict[tuple[str, int], str], package: str, mistake: str) -> None:
    """Each usual mistake is an error where it is made."""
    line = list(CASES[package]).index(mistake) + 3
    assert (f"{package}_mistakes.py", line) in check


def test_right_use_passes(check: dict[tuple[str, int], str]) -> None:
    """What `typing/` shows of both packages has the types it says, and no error."""
    assert {where: message for where, message in check.items() if "mistakes" not in where[0]} == {}
