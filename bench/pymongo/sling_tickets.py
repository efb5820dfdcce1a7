"""Tickets by sling: into one table with a column of JSON, for it makes no tables of lists.

Usage: sling_tickets.py URL SERVICES (see run.sh).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import sling_linux_amd64

import postgres


def main() -> None:
    url, services = sys.argv[1:3]
    warehouse = postgres.url(services)
    sling = Path(sling_linux_amd64.__file__).parent / "bin/sling-linux-amd64"
    database = url.rsplit("/", 1)[1]
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ, "HOME": home, "SLING_HOME_DIR": home, "SLING_DISABLE_TELEMETRY": "TRUE",
            "MONGO": json.dumps({"type": "mongodb", "url": url}),
            "WAREHOUSE": f"{warehouse}?sslmode=disable",
        }
        subprocess.run(
            [sling, "run", "--src-conn", "MONGO", "--src-stream", f"{database}.tickets",
             "--tgt-conn", "WAREHOUSE", "--tgt-object", "public.sling_tickets", "--mode", "full-refresh"],
            env=environment, check=True, stdout=sys.stderr,
        )
    seconds = time.monotonic() - begin
    with psycopg.connect(warehouse) as connection:
        rows = [connection.execute("SELECT count(*) FROM sling_tickets").fetchone()[0]]
        connection.execute("DROP TABLE sling_tickets")
    print(json.dumps({"seconds": round(seconds, 3), "rows": rows}))


main()
