"""Compares the fires that `weir plan --next` shows with those of croniter (Debian's python3-croniter), an independent reading of
cron: in UTC, with seconds (which croniter has last), and on the clocks of zones, over a year and its changes. There croniter reads
the local time and zoneinfo says when that is, since croniter itself is an hour off on the days of a change; so hours that a change
skips or repeats are left out, as are W and hour rhythms.

    croniter_test.py WEIR_PROGRAM
"""

import datetime
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import zoneinfo

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


ZONES = ["Europe/Moscow", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kolkata", "Asia/Kathmandu",
         "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Kiritimati", "Africa/Casablanca"]
ZONED_FIRES = 400
ZONED = ["30 6 * * *", "15 4,22 * * MON-FRI", "0 12 L * *", "45 12 * * TUE", "0 9 1 */3 *"]
SECONDS = ["*/20 * * * * *", "5,35 */10 8-18 * * *", "59 59 23 * * SUN", "0 30 6 1 * *"]


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


def fires(weir, project, schedule, count):
    (project / "pipelines" / "p.yml").write_text(f"schedule: {{{schedule}}}\ntasks:\n  t: {{command: \"true\"}}\n")
    told = subprocess.run([weir, "plan", "p", "--next", str(count), "--json"], cwd=project, check=True, capture_output=True,
                          text=True)
    return [datetime.datetime.fromisoformat(fire["at"].replace("Z", "+00:00")) for fire in json.loads(told.stdout)["next"]]


def differs(name, ours, theirs):
    if ours and ours == theirs:
        return 0
    first = next((pair for pair in zip(ours, theirs) if pair[0] != pair[1]), None)
    print(f"{name}: {len(ours)} fires; weir, croniter: {first}")
    return 1


# Each zone's clock.
def zones(weir, project):
    wrong = 0
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        for expression in ZONED:
            # The promise is kept for changes of clocks up to 2037.
            ours = [at for at in fires(weir, project, f'cron: "{expression}", timezone: {name}', ZONED_FIRES) if at.year < 2038]
            start = ours[0].astimezone(zone).replace(tzinfo=None) - datetime.timedelta(seconds=1)
            reference = croniter(expression, start)
            theirs = [reference.get_next(datetime.datetime).replace(tzinfo=zone).astimezone(datetime.timezone.utc) for _ in ours]
            wrong += differs(f"{name} {expression}", ours, theirs)
    return wrong


def seconds(weir, project):
    wrong = 0
    for expression in SECONDS:
        ours = fires(weir, project, f'cron: "{expression}"', 50)
        first, rest = expression.split(" ", 1)
        reference = croniter(f"{rest} {first}", ours[0] - datetime.timedelta(seconds=1))
        wrong += differs(expression, ours, [reference.get_next(datetime.datetime) for _ in ours])
    return wrong


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
        for path in (project / "pipelines").iterdir():
            path.unlink()
        wrong += zones(weir, project) + seconds(weir, project)
    print(f"{len(wanted) + len(ZONES) * len(ZONED) + len(SECONDS)} schedules, {wrong} differ")
    return 1 if wrong else 0


sys.exit(main())
