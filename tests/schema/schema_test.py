"""Holds the JSON Schemas that `weir schema` prints against Debian's python3-jsonschema, which editors' ones are like: each is a
schema, takes every file of its kind in the examples, and refuses broken ones that `weir check` refuses too.

    schema_test.py WEIR_PROGRAM EXAMPLES_FOLDER
"""

import copy
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import yaml
    from jsonschema import Draft202012Validator
except ImportError:
    print("skipped: python3-jsonschema or python3-yaml is not installed")
    sys.exit(77)

WEIR, EXAMPLES = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
failures = []


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: `on` and `2026-03-01` are texts."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers
             if tag != "tag:yaml.org,2002:timestamp" and (tag != "tag:yaml.org,2002:bool" or letter in "tTfF")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def expect(holds, text):
    if not holds:
        failures.append(text)


def load(path):
    return yaml.load(path.read_text(), Loader)


def kind_of(path):
    parts = path.parts
    if parts[-1] == "weir.yml":
        return "weir"
    for folder, kind in (("pipelines", "pipeline"), ("generators", "generator"), ("models", "properties")):
        if folder in parts:
            return kind
    return None


def mistakes(kind, document):
    return [error.message for error in validators[kind].iter_errors(document)]


validators = {}
for kind in ("weir", "pipeline", "generator", "properties"):
    printed = subprocess.run([WEIR, "schema", kind], capture_output=True, text=True, check=True).stdout
    schema = json.loads(printed)
    expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema", f"{kind}: {schema['$schema']}")
    Draft202012Validator.check_schema(schema)
    validators[kind] = Draft202012Validator(schema)

seen = {kind: 0 for kind in validators}
for path in sorted(EXAMPLES.rglob("*.yml")):
    kind = kind_of(path.relative_to(EXAMPLES))
    if kind is None:
        continue
    seen[kind] += 1
    found = mistakes(kind, load(path))
    expect(not found, f"{path} is refused: {found}")
expect(all(seen.values()), f"a kind of file has no example: {seen}")


def at(document, path):
    for key in path:
        document = document[key]
    return document


def put(*path, value):
    def change(document):
        at(document, path[:-1])[path[-1]] = value
    return change


def drop(*path):
    def change(document):
        del at(document, path[:-1])[path[-1]]
    return change


# What is broken in a file of examples/sales, and how.
BROKEN = {
    "weir.yml": [
        put("conections", value={}),
        put("name", value=["sales"]),
        put("connections", "shop", "manged", value=True),
        put("connections", "shop", "type", value="postgress"),
        put("files", value={"retention": "soon"}),
    ],
    "pipelines/sales.yml": [
        put("task", value={}),
        drop("tasks"),
        put("retry", value={"attempts": "three"}),
        put("retry", value={"backof": "exponential"}),
        put("tasks", "load", "need", value=["clean"]),
        put("tasks", "load", "copy", "mode", value="replce"),
        drop("tasks", "load", "copy", "to"),
        put("tasks", "load", "copy", "partitions", value="many"),
        put("tasks", "more", value={"coppy": {"from": "a.csv", "to": "b.csv"}}),
        put("tasks", "generate", "generate", "rowss", value=1),
    ],
    "generators/sales.yml": [
        put("colums", value={}),
        drop("columns"),
        put("columns", "quantity", value={"zpf": {"from": 1, "to": 12}}),
        put("columns", "quantity", "zipf", "from", value="one"),
    ],
    "models/sales.yml": [
        put("models", value="clean_sales"),
        put("models", 0, "colums", value=[]),
    ],
}

with tempfile.TemporaryDirectory() as folder:
    project = pathlib.Path(folder) / "sales"
    shutil.copytree(EXAMPLES / "sales", project, ignore=shutil.ignore_patterns(".weir", "files"))

    def check():
        return subprocess.run([WEIR, "check"], cwd=project, capture_output=True, text=True)

    whole = check()
    expect(whole.returncode == 0, f"the example itself is refused: {whole.stdout}{whole.stderr}")
    for name, changes in BROKEN.items():
        original = (project / name).read_text()
        for number, change in enumerate(changes):
            document = copy.deepcopy(load(project / name))
            change(document)
            label = f"{name}, change {number}"
            expect(mistakes(kind_of(pathlib.Path(name)), document), f"{label}: the schema takes it")
            (project / name).write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
            refused = check()
            expect(refused.returncode == 2, f"{label}: weir check says {refused.returncode}: {refused.stdout}{refused.stderr}")
            (project / name).write_text(original)

if failures:
    print("\n".join(failures))
    sys.exit(1)
print(f"{sum(seen.values())} files are taken, {sum(map(len, BROKEN.values()))} broken ones refused")
