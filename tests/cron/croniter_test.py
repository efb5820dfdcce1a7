"""Compares the fires that `weir plan --next` shows with those of croniter (Debian's python3-croniter), an independent reading of
cron. In UTC, and without what croniter does not know (W, seconds first, hour rhythms over a change of clocks).

    croniter_test.py WEIR_PROGRAM
"""

import datetime
import json
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    from croniter import croniter
except ImportError:
    print("skipped: python3-croniter is not installed")
    sys.exit(77)

PIPELINES = 60
FIRES = 12
FIXED = [
    "45 12 * * TUE", "0 0 1 1 *", "*/15 * * * *", "0 0 29 2 *", "5,35 8-18/2 * * MON-FRI", "0 6 L * *", "0 0 13 * FRI",
    "30 4 1,15 * 5", "0 12 * * 7", "0 12 * * 0", "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "0 0 * * sat#2",
    "59 23 31 * *", "0 0 31 4,6,9,11,12 *", "7 3 * feb *",
]


def field(random_source, low, high):
    shape = random_source.randrange(5)
    first = random_source.randint(low, high)
    last = random_source.randint(first, high)
    if shape == 0:
        return "*"
    if shape == 1:
        return str(first)
    if shape == 2:
        return f"{first}-{last}"
    if shape == 3:
        return f"{first}-{last}/{random_source.randint(1, 7)}"
    return ",".join(str(n) for n in sorted({first, last, random_source.randint(low, high)}))


def expressions():
    source = random.Random(20260301)
    wanted = list(FIXED)
    while len(wanted) < PIPELINES:
        # croniter takes day-of-month and day-of-week as alternatives whenever neither is "*": so do we unless one begins
        # with a star, so one of them is a star here half of the time.
        day, weekday = field(source, 1, 28), field(source, 0, 6)
        if source.random() < 0.5:
            weekday = "*"
        wanted.append(f"{field(source, 0, 59)} {field(source, 0, 23)} {day} {field(source, 1, 12)} {weekday}")
    return wanted


def main():
    weir = pathlib.Path(sys.argv[1]).resolve()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder)
        (project / "pipelines").mkdir()
        (project / "weir.yml").write_text("name: cron\n")
        wanted = expressions()
        for i, expression in enumerate(wanted):
            (project / "pipelines" / f"p{i}.yml").write_text(
                f'schedule: {{cron: "{expression}"}}\ntasks:\n  t: {{command: "true"}}\n')
        for i, expression in enumerate(wanted):
            told = subprocess.run([weir, "plan", f"p{i}", "--next", str(FIRES), "--json"], cwd=project, check=True,
                                  capture_output=True, text=True)
            ours = [datetime.datetime.fromisoformat(fire["at"].replace("Z", "")) for fire in json.loads(told.stdout)["next"]]
            if not ours:
                print(f"{expression}: no fires")
                wrong += 1
                continue
            reference = croniter(expression, ours[0] - datetime.timedelta(seconds=1))
            theirs = [reference.get_next(datetime.datetime) for _ in ours]
            if ours != theirs:
                wrong += 1
                print(f"{expression}:\n  weir     {[str(t) for t in ours]}\n  croniter {[str(t) for t in theirs]}")
    print(f"{len(wanted)} expressions, {wrong} differ")
    return 1 if wrong else 0


sys.exit(main())
