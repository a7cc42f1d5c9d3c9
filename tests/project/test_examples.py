"""The apps in examples/ as real servers: started, driven by many users who do not all wait, stopped by SIGTERM."""

import ast
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import aiohttp
import pytest

from periskope_async.testing import FakePeriskope, Reply
from tests.support import slow

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
IN_FLIGHT = 100
REFUSED = b'{"code": "UNAUTHORIZED_ERROR", "message": "Invalid bearer auth token SECRET", "status": 401}'
#: A server that has not started or ended by then never will, seconds: the machine may be busy.
PATIENCE = 40.0

SERVERS = {
    "fastapi": ("fastapi_app", "/tickets/{}", "-m uvicorn --host 127.0.0.1 --port {port} fastapi_app:app"),
    "aiohttp": ("aiohttp_app", "/tickets/{}", "-m aiohttp.web -H 127.0.0.1 -P {port} aiohttp_app:make_app"),
    "flask": (
        "flask_app",
        "/tickets/{}",
        "-m gunicorn --preload -w 2 --threads 8 --no-control-socket -b 127.0.0.1:{port} flask_app:app",
    ),
    "django": (
        "django_app",
        "/tickets/{}",
        "-m gunicorn -w 2 --threads 8 --no-control-socket -b 127.0.0.1:{port} django_app:wsgi",
    ),
    "django-async": (
        "django_app",
        "/async/tickets/{}",
        "-m uvicorn --host 127.0.0.1 --port {port} --lifespan off django_app:asgi",
    ),
}
PAGES = {
    "fastapi_app": "fastapi",
    "aiohttp_app": "aiohttp",
    "flask_app": "flask",
    "django_app": "django",
    "celery_app": "celery",
    "dask_fetch": "engines",
    "ray_fetch": "engines",
    "spark_fetch": "engines",
}


@pytest.fixture
def environment(fake: FakePeriskope) -> dict[str, str]:
    """Where the examples find the service; every warning of theirs is shown."""
    return {
        **os.environ,
        "PERISKOPE_BASE_URL": fake.base_url,
        "PERISKOPE_API_KEY": fake.api_key,
        "PYTHONPATH": str(ROOT),
        "PYTHONDEVMODE": "1",
        "PYTHONWARNINGS": "always",
    }


@pytest.fixture
def fake() -> Generator[FakePeriskope]:
    """A service with enough tickets."""
    with FakePeriskope(tickets=200) as fake:
        yield fake


def free_port() -> int:
    """Return a port that is free, and likely still is when a server asks for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def serving(command: str, environment: dict[str, str], log: Path) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a server, killed at the end if it is still there; its output is in *log*."""
    port = free_port()
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, *command.format(port=port).split()], cwd=EXAMPLES, env=environment, stdout=out, stderr=out
        )
        with server:
            try:
                yield f"http://127.0.0.1:{port}", server
            finally:
                server.kill()


async def is_up(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until a server answers."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.get(url):
                    return
            await asyncio.sleep(0.05)


async def drive(session: aiohttp.ClientSession, url: str, count: int) -> Counter[str]:
    """Make *count* requests, many at once; each tenth user leaves early, each twentieth asks for what is not there."""
    outcomes = Counter[str]()
    room = asyncio.Semaphore(IN_FLIGHT)

    async def visit(number: int) -> None:
        ticket_id = "BKT-404404" if number % 20 == 0 else f"BKT-{number % 200 + 1:03d}"
        patience = 0.001 if number % 10 == 1 else None
        async with room:
            try:
                async with asyncio.timeout(patience), session.get(url.format(ticket_id)) as response:
                    await response.read()
                    outcomes[str(response.status)] += 1
            except TimeoutError:
                outcomes["left"] += 1

    await asyncio.gather(*(visit(number) for number in range(count)))
    return outcomes


@pytest.mark.timeout(180)
@pytest.mark.parametrize("count", [40, slow(2000)])
@pytest.mark.parametrize("name", ["aiohttp", *(slow(name) for name in SERVERS if name != "aiohttp")])
async def test_web_applications(name: str, count: int, environment: dict[str, str], tmp_path: Path) -> None:
    """Every user who waits gets the ticket or a 404; the server ends when it is asked to, and warns of nothing."""
    module, path, command = SERVERS[name]
    for needed in [*re.findall(r"-m (\w+)", command), module.partition("_")[0]]:
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    log = tmp_path / "log"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:
        with serving(command, environment, log) as (url, server):
            await is_up(session, url)
            outcomes = await drive(session, url + path, count)
            await session.close()
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE)
    assert outcomes["404"] == count // 20
    assert outcomes["200"] >= count - count // 20 - count // 10
    assert outcomes.total() == outcomes["200"] + outcomes["404"] + outcomes["left"] == count
    said = log.read_text("utf-8", "replace")
    assert not re.findall(r"Traceback|\w*Warning|Exception ignored", said), said


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["aiohttp", *(slow(name) for name in SERVERS if name != "aiohttp")])
async def test_what_callers_of_web_applications_see(
    name: str, environment: dict[str, str], fake: FakePeriskope, tmp_path: Path
) -> None:
    """A caller's mistake is answered with its reason, a refused key and a rate limit with a status alone."""
    module, path, command = SERVERS[name]
    for needed in [*re.findall(r"-m (\w+)", command), module.partition("_")[0]]:
        pytest.importorskip(needed, reason=f"{needed} is not installed")

    async def see(ticket_id: str) -> tuple[int, str, str | None]:
        async with session.get((url + path).format(ticket_id)) as response:
            return response.status, (await response.json())["detail"], response.headers.get("Retry-After")

    async with aiohttp.ClientSession() as session:
        with serving(command, environment, tmp_path / "log") as (url, _):
            await is_up(session, url)
            assert await see("BKT-404404") == (404, "Ticket not found", None)
            assert await see("x" * 300) == (400, "ticket_id: longer than 256 characters", None)
            fake.answer(lambda _: Reply(401, REFUSED))
            assert await see("BKT-001") == (500, "Internal Server Error", None)
            fake.answer(lambda _: Reply(429, b"{}", (("Retry-After", "60"),)))
            assert await see("BKT-001") == (503, "Service Unavailable", "60")
            assert "request GET /tickets/BKT-001" in (tmp_path / "log").read_text("utf-8", "replace")


def test_script(environment: dict[str, str]) -> None:
    """The script prints the open tickets of nobody, and ends with 1 and a sentence where it cannot."""
    pytest.importorskip("typer", reason="typer is not installed")
    command = [sys.executable, "-W", "error", "typer_script.py", "--limit", "3"]
    del environment["PYTHONDEVMODE"]  # it has asyncio remark on what takes a busy machine long
    done = subprocess.run(
        command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(re.findall(r"^BKT-\d+  \S", done.stdout, re.MULTILINE)) == 3

    environment["PERISKOPE_API_KEY"] = "wrong-key-0123456789"
    done = subprocess.run(
        command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: [401]")


#: Runs a notebook as Jupyter does, in a kernel of its own, and prints what its cells show.
NOTEBOOK = """
import json, sys
import nbclient, nbformat

notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
print(json.dumps([cell.outputs for cell in notebook.cells if cell.cell_type == "code"]))
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_notebook(environment: dict[str, str], fake: FakePeriskope) -> None:
    """The notebook runs in a kernel: a bar, a table, blocking and awaited cells, and nothing on standard error."""
    for needed in ("nbclient", "ipykernel"):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    del environment["PYTHONDEVMODE"], environment["PYTHONWARNINGS"]  # the kernel's own libraries warn
    command = [sys.executable, "-c", NOTEBOOK, str(EXAMPLES / "tickets.ipynb")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    listed, fetched, counted, awaited, closed = json.loads(done.stdout.splitlines()[-1])
    assert [each["data"]["text/plain"] for each in listed] == ["20"]
    bar, table = fetched
    assert "20/20" in bar["data"]["text/html"]
    assert "<table" in table["data"]["text/html"]
    assert counted[0]["data"]["text/plain"].startswith("Counter({")
    newest, streamed = ast.literal_eval(awaited[0]["data"]["text/plain"])
    assert (newest, streamed) == ("BKT-200", [f"BKT-{number}" for number in range(200, 195, -1)])
    assert closed == []
    assert fake.calls == 1 + 20 + 1 + 5


def test_the_guide_shows_the_notebook() -> None:
    """The notebook holds no outputs and no people, and the guide has its cells, word for word."""
    notebook = json.loads((EXAMPLES / "tickets.ipynb").read_text("utf-8"))
    page = (ROOT / "docs" / "guides" / "notebooks.md").read_text("utf-8")
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [(cell["outputs"], cell["execution_count"]) for cell in cells] == [([], None)] * len(cells)
    assert all(f"```python\n{''.join(cell['source'])}\n```" in page for cell in cells)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_celery(environment: dict[str, str], fake: FakePeriskope, tmp_path: Path) -> None:
    """Tasks that a prefork pool works off close their tickets, each once; the worker ends when it is asked to."""
    pytest.importorskip("celery", reason="celery is not installed")
    folder = tmp_path / "broker"
    folder.mkdir()
    environment |= {"BROKER": "filesystem://", "BACKEND": f"file://{folder}", "BROKER_FOLDER": str(folder)}
    code = """
        import os
        from celery_app import app, close
        folder = os.environ["BROKER_FOLDER"]
        app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder}
        app.conf.worker_hijack_root_logger = False
    """
    (tmp_path / "tasks.py").write_text("\n".join(line.strip() for line in code.splitlines()), "utf-8")
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}{os.pathsep}{EXAMPLES}"
    ask = (
        "from tasks import close; asked = [close.delay(f'BKT-{n:03d}') for n in range(1, 21)];"
        "print([each.get(timeout=30) for each in asked])"
    )
    worker = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", "2", "-l", "WARNING"]
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(worker, cwd=tmp_path, env=environment, stdout=out, stderr=out) as server,
    ):
        try:
            done = subprocess.run(
                [sys.executable, "-c", ask],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE)
        finally:
            server.kill()
    assert done.stdout.strip() == str(["closed"] * 20), done.stderr + log.read_text("utf-8", "replace")
    assert {fake.get(f"BKT-{number:03d}")["ticket"]["status"] for number in range(1, 21)} == {"closed"}
    assert sum(1 for each in fake.requests if each.method == "PATCH") == 20


@pytest.mark.parametrize("module", PAGES)
def test_the_guide_shows_the_example(module: str) -> None:
    """What a guide has to copy is what is tested here, word for word."""
    page = (ROOT / "docs" / "guides" / f"{PAGES[module]}.md").read_text("utf-8")
    assert f"```python\n{(EXAMPLES / f'{module}.py').read_text('utf-8')}```" in page
