"""The engines' recipes with worker processes on one key: no refusal, every ticket, and a killed worker's part again."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest

from periskope_async.testing import FakePeriskope

ROOT = Path(__file__).parents[2]
TICKETS = 400

#: What each engine runs, with a worker that is killed once, in the middle.
RUNS = {
    "dask_fetch": "rows = dask_fetch.fetch_all(ids)",
    "ray_fetch": """
        import ray
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
        rows = ray_fetch.fetch_all(ids)
        ray.shutdown()
    """,
    "spark_fetch": """
        from pyspark.sql import SparkSession
        spark = SparkSession.builder.master("local[4,3]").config("spark.ui.enabled", "false").getOrCreate()
        rows = [row.asDict() for row in spark_fetch.fetch_all(spark, ids)]
        spark.stop()
    """,
}
#: Lies on the workers' path: has the first worker that fetches a certain ticket killed by SIGKILL.
KILLER = """
    import os, signal
    from pathlib import Path
    import periskope_sync

    get_many = periskope_sync.Tickets.get_many

    def get_many_once_killed(self, ids, **options):
        ids, mark = list(ids), Path(os.environ["KILLED"])
        if "BKT-007" in ids and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return get_many(self, ids, **options)

    periskope_sync.Tickets.get_many = get_many_once_killed
"""


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("engine", RUNS)
def test_worker_processes_share_the_limit(engine: str, tmp_path: Path) -> None:
    """Four workers on a key of 100 requests a second meet no 429 and bring all, though one of them is killed."""
    needed = {"dask_fetch": "distributed", "ray_fetch": "ray", "spark_fetch": "pyspark"}[engine]
    pytest.importorskip(needed, reason=f"{needed} is not installed")
    (tmp_path / "sitecustomize.py").write_text(dedent(KILLER), "utf-8")
    code = f"import json, sys\nimport {engine}\n\nif __name__ == '__main__':\n    ids = sys.argv[1].split()\n"
    code += "".join(f"    {line}\n" for line in dedent(RUNS[engine]).strip().splitlines())
    code += "    print(json.dumps([row['ticket_id'] for row in rows]))\n"
    (tmp_path / "run.py").write_text(code, "utf-8")
    with (
        TemporaryDirectory() as short,  # for the sockets of Ray, whose names are limited
        FakePeriskope(tickets=TICKETS, rate_limit="100/s") as fake,
    ):
        environment = {
            **os.environ,
            "PERISKOPE_BASE_URL": fake.base_url,
            "PERISKOPE_API_KEY": fake.api_key,
            "PYTHONPATH": os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "examples"))),
            "TMPDIR": str(tmp_path),
            "KILLED": str(tmp_path / "killed"),
            "RAY_TMPDIR": short,
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYSPARK_PYTHON": sys.executable,
        }
        done = subprocess.run(
            [sys.executable, "run.py", " ".join(fake.ticket_ids)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "killed").exists()
        assert sorted(json.loads(done.stdout.splitlines()[-1])) == sorted(fake.ticket_ids)
        assert Counter(each.status for each in fake.requests)[429] == 0
        assert Counter(each.path for each in fake.requests).total() < TICKETS + TICKETS / 4
