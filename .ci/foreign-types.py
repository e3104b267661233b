#!/usr/bin/env python3
"""Lists the types of other crates in the public API of each library, and compares them with foreign-types.txt.

A foreign type in a public signature ties our versions to those of its crate, so each one is a decision.
Without arguments it compares; with --write it writes the list from the code.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / ".ci" / "foreign-types.txt"
LIBRARIES = [
    "zk-proto", "attendance-model", "iclock-sync", "iclock-server", "sink-file", "sink-firestore", "sink-http", "sink-mongo", "sink-sql",
    "zk-backup", "zk-push", "zk-sim",
]
STANDARD = {"std", "core", "alloc", "proc_macro"}


def rustdoc():
    """Returns the API of each library as rustdoc's JSON, which needs its unstable options.

    All in one go, as the documentation is made: other people's crates are not built again for it.
    """
    command = ["cargo", "doc", "-q", "--workspace", "--exclude", "examples", "--lib", "--all-features", "--no-deps"]
    flags = "-Z unstable-options --output-format json"
    env = {**os.environ, "RUSTDOC": str(ROOT / ".ci" / "rustdoc-json"), "RUSTDOCFLAGS": flags}
    subprocess.run(command, cwd=ROOT, check=True, env=env)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    of = {library: target / "doc" / (library.replace("-", "_") + ".json") for library in LIBRARIES}
    return {library: json.loads(path.read_text()) for library, path in of.items()}


def references(value):
    """Yields the ids of all types and traits that a part of the API names."""
    if isinstance(value, dict):
        if "id" in value and "path" in value:
            yield value["id"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def is_added(written):
    """Returns true for an implementation that stands for all types, or that the compiler adds."""
    return bool(written.get("blanket_impl") or written.get("is_synthetic"))


def foreign(api):
    """Returns the paths of all public types and traits of other crates that the API names."""
    # Rustdoc adds the implementations that every type has. They say nothing about ours.
    added = [item for item in api["index"].values() if is_added(item["inner"].get("impl", {}))]
    ignored = {item["id"] for item in added} | {part for item in added for part in item["inner"]["impl"]["items"]}
    found = set()
    for item in api["index"].values():
        inner = {} if item["id"] in ignored else item["inner"]
        for reference in references(inner):
            summary = api["paths"].get(str(reference))
            if summary and summary["crate_id"] != 0 and summary["path"][0] not in STANDARD:
                found.add("::".join(summary["path"]))
    return found


def main():
    lines = []
    ours = {library.replace("-", "_") for library in LIBRARIES}
    for library, api in rustdoc().items():
        lines += [f"{library}: {path}" for path in sorted(foreign(api)) if path.split("::")[0] not in ours]
    if sys.argv[1:] == ["--write"]:
        LIST.write_text("\n".join(lines) + "\n")
        return
    listed = LIST.read_text().splitlines()
    new, gone = [line for line in lines if line not in listed], [line for line in listed if line not in lines]
    for line in new:
        print(f"not listed in {LIST.relative_to(ROOT)}: {line}")
    for line in gone:
        print(f"listed, but no longer public: {line}")
    sys.exit(1 if new or gone else 0)


main()
