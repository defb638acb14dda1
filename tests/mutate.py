#!/usr/bin/env python3
"""Breaks the examples in hundreds of ways and lists what nobody finds.

Every leaf of every example's mesh is dropped, altered or swapped with its neighbour. For each mesh
so broken it runs `check`, `plan` against the unbroken example, and the example's own tests, and
prints the first of them that finds it. A mesh that means the same as before (the plan has no change)
counts as equal; one whose plan is refused is found by a guard. `python3 tests/mutate.py [--meshctl PATH] [EXAMPLE...]`; needs openssl for mtls.
"""
import argparse
import copy
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def inline(value):
    """A TOML value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    pairs = ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items())
    return "{ " + pairs + " }"


def write(tree):
    return "".join(f"{json.dumps(key)} = {inline(value)}\n" for key, value in tree.items())


def paths(value, at=()):
    """Every leaf, list item and table below a value, as a path."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield at + (key,)
        if isinstance(item, (dict, list)):
            yield from paths(item, at + (key,))


def get(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def altered(value):
    """Other values of the same type."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 1] if value > 1 else [value + 1]
    if isinstance(value, str):
        if value[:-1].isdigit() and value[-1] in "sm":
            return ["1ms"]
        words = {"http": "tcp", "tcp": "http", "http2": "http", "grpc": "http2",
                 "strict": "permissive", "drop-all": "allow-all", "GET": "PUT", "POST": "PUT"}
        return [words.get(value, value + "x")]
    return []


def mutations(tree):
    """Broken copies of a mesh, each with a name."""
    for path in list(paths(tree)):
        name = "/".join(map(str, path))
        value = get(tree, path)
        broken = copy.deepcopy(tree)
        parent = get(broken, path[:-1])
        del parent[path[-1]]
        yield f"drop  {name}", broken
        if isinstance(value, (dict, list)):
            continue
        for other in altered(value):
            broken = copy.deepcopy(tree)
            get(broken, path[:-1])[path[-1]] = other
            yield f"alter {name} = {inline(other)}", broken
        siblings = get(tree, path[:-1])
        keys = list(siblings) if isinstance(siblings, dict) else list(range(len(siblings)))
        at = keys.index(path[-1])
        if at + 1 < len(keys) and type(siblings[keys[at + 1]]) is type(value) \
                and siblings[keys[at + 1]] != value:
            broken = copy.deepcopy(tree)
            parent = get(broken, path[:-1])
            parent[keys[at]], parent[keys[at + 1]] = siblings[keys[at + 1]], value
            yield f"swap  {name} with {keys[at + 1]}", broken


def merge(into, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


class Example:
    def __init__(self, name, meshctl, scratch):
        self.name, self.meshctl, self.folder = name, meshctl, scratch / name
        shutil.copytree(ROOT / "examples" / name, self.folder)
        self.tree = {}
        for path in sorted(self.folder.glob("*.toml")):
            if path.name != "meshctl.toml":
                merge(self.tree, tomllib.loads(path.read_text()))
                path.unlink()
        script = self.folder / "certificates.sh"
        if script.exists():
            subprocess.run(["sh", script], cwd=self.folder, check=True, capture_output=True)
        settings = self.folder / "meshctl.toml"
        if "[targets.local]" not in settings.read_text():
            settings.write_text(settings.read_text() + '\n[targets.local]\ndirectory = "live"\n')
        (self.folder / "mesh.toml").write_text(write(self.tree))
        applied = self.run(self.folder, "apply", "--target", "local", "--yes")
        if applied.returncode != 0:
            sys.exit(f"{name}: apply: {applied.stderr}")
        self.found = self.findings(self.folder)
        self.classes = self.traffic(self.folder)[1]

    def run(self, folder, *args):
        command = [self.meshctl, *args, "-C", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def findings(self, folder):
        ran = self.run(folder, "check", "--format", "json", "--exit-zero")
        return {(d["code"], d.get("address"), d["message"])
                for d in json.loads(ran.stdout)["diagnostics"]}

    def traffic(self, folder):
        ran = self.run(folder, "plan", "--target", "local", "--detailed-exitcode")
        text = ran.stdout
        if "TRAFFIC" not in text:
            return ran.returncode, ""
        section = text[text.index("TRAFFIC"):].split("\n\n")[0]
        return ran.returncode, section

    def judge(self, number, name, tree, scratch):
        folder = scratch / f"{self.name}-{number}"
        shutil.copytree(self.folder, folder, symlinks=True)
        (folder / "mesh.toml").write_text(write(tree))
        try:
            new = sorted({code for code, *_ in self.findings(folder) - self.found})
            if new:
                return name, "check", " ".join(new)
            code, section = self.traffic(folder)
            if code == 0:
                return name, "equal", ""
            if code != 2:
                return name, "guard", ""
            if any(line.lstrip()[:2] in ("! ", "~ ", "+ ", "- ") for line in section.splitlines()):
                return name, "traffic", ""
            if (folder / "tests").is_dir() and self.run(folder, "test").returncode != 0:
                return name, "tests", ""
            return name, "NOBODY", ""
        finally:
            shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meshctl", default=str(ROOT / "target/debug/meshctl"))
    parser.add_argument("--all", action="store_true", help="print what is found too")
    parser.add_argument("examples", nargs="*")
    args = parser.parse_args()
    names = args.examples or sorted(p.name for p in (ROOT / "examples").iterdir() if p.is_dir())
    total = Counter()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(4) as pool:
        for name in names:
            example = Example(name, args.meshctl, Path(scratch))
            made = list(mutations(example.tree))
            work = [pool.submit(example.judge, number, what, tree, Path(scratch))
                    for number, (what, tree) in enumerate(made)]
            count = Counter()
            for done in work:
                what, by, more = done.result()
                count[by] += 1
                if by == "NOBODY" or args.all:
                    print(f"{name}: {by:8} {what} {more}".rstrip())
            print(f"{name}: {len(made)} meshes: {dict(sorted(count.items()))}", flush=True)
            total += count
    print(f"all: {sum(total.values())} meshes: {dict(sorted(total.items()))}")


if __name__ == "__main__":
    main()
