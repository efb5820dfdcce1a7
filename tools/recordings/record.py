#!/usr/bin/env python3
"""Makes the recordings of the API examples again: Weir itself records what our servers answer.

    tools/recordings/record.py [WEIR]      the program; by default build/release/weir or build/dev/weir

The answers are then said to come from the API that the servers speak for, and times are left out, so that the same answers give the
same files.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def weir_program():
    candidates = [pathlib.Path(sys.argv[1])] if len(sys.argv) > 1 else [ROOT / "build" / preset / "weir" for preset in ("release", "dev")]
    found = [path.resolve() for path in candidates if path.exists()]
    if not found:
        sys.exit("there is no weir yet: ./dev build weir")
    return found[0]


def record(weir, example, server, recording):
    """The answers to every resource of the example's one http connection."""
    folder = ROOT / "examples" / example
    settings = (folder / "weir.yml").read_text()
    url = re.search(r"url: (https?://[^\s,}]+)", settings)[1]
    connection = re.search(r"^  (\w+):\n    type: http$", settings, re.M)[1]
    resources = re.findall(r"^      (\w+): *(?:\{path|$)", re.split(r"    resources:.*\n", settings)[1].split("\n\n")[0], re.M)
    process = subprocess.Popen([sys.executable, *server], stdout=subprocess.PIPE, text=True, cwd=HERE)
    try:
        local = process.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as place:
            project = pathlib.Path(place)
            (project / "weir.yml").write_text(re.sub(r"^dbt:.*\n", "", settings.replace(url, local), flags=re.M))
            tasks = "".join(f"  {name}: {{copy: {{from: {connection}.{name}, to: files/{name}.jsonl, mode: replace}}}}\n" for name in resources)
            (project / "pipelines").mkdir()
            (project / "pipelines/record.yml").write_text(f"name: record\ntasks:\n{tasks}")
            subprocess.run([weir, "run", "record", "--env", "live"], cwd=project, check=True)
            (run,) = project.glob(f"files/*/recordings/{connection}")
            keep(run, folder / recording, local, url)
    finally:
        process.kill()
        process.wait()


def keep(run, target, local, url):
    shutil.rmtree(target, ignore_errors=True)
    (target / "bodies").mkdir(parents=True)
    lines = []
    for text in (run / "exchanges.jsonl").read_text().splitlines():
        line = json.loads(text)
        begin = line.get("begin", 0)
        body = (run / line["file"]).read_bytes()[begin : begin + line["bytes"]]
        file = f"bodies/{line['sha256']}.json"  # a file each, so that people can look at them
        (target / file).write_bytes(body)
        kept = {name: line[name] for name in ("method", "url", "body", "status") if name in line}
        kept |= {"url": line["url"].replace(local, url), "file": file, "bytes": len(body)}
        lines.append(json.dumps(kept, ensure_ascii=False))
    (target / "exchanges.jsonl").write_text("".join(line + "\n" for line in sorted(lines)))
    print(f"{target.relative_to(ROOT)}: {len(lines)} answers, {sum(f.stat().st_size for f in target.rglob('*') if f.is_file()) // 1024} KiB")


if __name__ == "__main__":
    program = weir_program()
    record(program, "astronauts", ["astronauts_api.py", "--crew", "before"], "recordings/before")
    record(program, "astronauts", ["astronauts_api.py", "--crew", "after"], "recordings/after")
    record(program, "spacex", ["spacex_api.py"], "recordings")
