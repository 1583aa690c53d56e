#!/usr/bin/env python3
"""Measures how many of the libraries that Python code loads the scan of its sources finds.

Each distribution of dlopen-scan.toml is run under LD_DEBUG=files in a root of Debian 12 that has the
libraries that it may load. `recall` is the share of the libraries outside the distributions, opened by
ctypes or cffi, that the scan names; `precision` is the share of the call sites that the scan names that
opened a library or tried to. The rest of either is listed.

    benches/dlopen-scan.py

Needs root, cargo, mmdebstrap, pip and the Python version of Debian 12. The root and the distributions
are kept below target/. The calls are those that crates/find-libdeps/examples/python_calls.rs prints:
not yet resolved, and also those of distributions in the reviewed table.
"""

import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

RELEASE, PYTHON = "bookworm", (3, 11)
HERE = pathlib.Path(__file__).resolve().parent
WORK = HERE.parent / "target" / "dlopen-scan"
ROOT = WORK / "root"
SITE = ROOT / "site"
# The modules that open libraries for Python code; the interpreter opens extension modules.
LOADERS = ("_ctypes", "_cffi_backend")
# Libraries of libc6 are in every image.
LIBC = re.compile(r"(ld-linux|lib(c|m|dl|rt|pthread|util|resolv))\b.*\.so")


def main():
    if sys.version_info[:2] != PYTHON:
        sys.exit(f"run this by Python {PYTHON[0]}.{PYTHON[1]}, that of Debian {RELEASE}")
    table = tomllib.loads((HERE / "dlopen-scan.toml").read_text())
    prepare(table)
    calls = scan()
    needed, found, sites, right, names = 0, 0, 0, 0, 0
    for name, entry in table.items():
        opened, tried = run(entry["run"])
        opened -= set(entry.get("not_by_python", []))
        mine = calls_of(name, calls, dependencies=True)
        missed = {lib for lib in opened if not any(names_it(call, lib) for call in mine)}
        own = calls_of(name, calls)
        idle = [call for call in own if not any(names_it(call, lib) for lib in opened | tried)]
        needed, found = needed + len(opened), found + len(opened) - len(missed)
        sites, right = sites + len(own), right + len(own) - len(idle)
        names += 1
        print(f"{name:16} opened {len(opened):2}, found {len(opened) - len(missed):2}")
        for lib in sorted(missed):
            print(f"    not found: {lib}")
        for call in idle:
            path = pathlib.Path(call["path"]).relative_to(SITE)
            print(f"    not opened: {' '.join(call['names'])} ({path}:{call['line']})")
    print(f"\n{names} distributions; recall {found}/{needed} = {found / needed:.2f}, "
          f"precision {right}/{sites} = {right / sites:.2f}")


def prepare(table):
    """Creates the root and installs the distributions, unless that is done."""
    WORK.mkdir(parents=True, exist_ok=True)
    packages = {"python3"}.union(*(entry["packages"] for entry in table.values()))
    state = json.dumps([sorted(packages), sorted(table)])
    done = WORK / "done"
    if done.exists() and done.read_text() == state:
        return
    subprocess.run(["rm", "-rf", ROOT], check=True)
    include = f"--include={','.join(sorted(packages))}"
    root = ["mmdebstrap", "--quiet", "--variant=apt", include, RELEASE, ROOT]
    subprocess.run(root, check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", SITE]
    subprocess.run([*pip, *table], check=True)
    done.write_text(state)


def scan():
    """Returns the call sites: names, path and line of each."""
    program = ["cargo", "run", "--release", "--quiet", "--locked", "--example", "python_calls", SITE]
    process = subprocess.run(program, cwd=HERE.parent, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in process.stdout.splitlines()]


def run(code):
    """Returns the file names of the libraries that the code opened, and that it tried to open."""
    lines = [line for line in code.splitlines() if line.strip()]
    script = "import sys\n" + "\n".join(
        f"try: exec({line!r})\nexcept Exception as error: print(repr(error), file=sys.stderr)"
        for line in lines
    )
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": "/site",
        "HOME": "/tmp",
        "LD_DEBUG": "files",
        "LD_DEBUG_OUTPUT": "/tmp/trace",
    }
    command = ["/usr/bin/python3", "-c", script]
    process = subprocess.Popen(command, env=environment, preexec_fn=enter)
    process.wait(300)
    # Child processes, such as ldconfig, write separate traces.
    trace = (ROOT / "tmp" / f"trace.{process.pid}").read_text(errors="replace")
    for path in (ROOT / "tmp").glob("trace.*"):
        path.unlink()
    return read(trace)


def enter():
    os.chroot(ROOT)
    os.chdir("/")


def read(trace):
    """Returns the libraries that Python code opened and tried to open, according to the trace."""
    by = dict(re.findall(r"file=(\S+) \[0\];  dynamically loaded by (\S+)", trace))
    libraries = set()
    for path in re.findall(r"opening file=(\S+) \[0\]; direct_opencount", trace):
        name = os.path.basename(path)
        # For a library that is already loaded the trace does not name the caller.
        loader = os.path.basename(by.get(path) or by.get(name) or LOADERS[0])
        is_python = path.startswith(("/site/", "/usr/lib/python3"))
        if loader.startswith(LOADERS) and not is_python and not LIBC.match(name):
            libraries.add(name)
    tried = {
        os.path.basename(name)
        for name, loader in by.items()
        if os.path.basename(loader).startswith(LOADERS)
    }
    return libraries, tried


def names_it(call, library):
    """Returns whether one of the names of the call is the library file's."""
    return any(
        library in (os.path.basename(name), f"lib{name}.so")
        or library.startswith(f"lib{name}.so.")
        for name in call["names"]
    )


def calls_of(name, calls, dependencies=False, seen=None):
    """Returns the call sites of a distribution, and with `dependencies` of those that it requires."""
    seen = set() if seen is None else seen
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return []
    seen.add(key)
    found = list(importlib.metadata.distributions(name=name, path=[str(SITE)]))
    if not found:
        return []
    files = {str(SITE / file) for file in found[0].files or []}
    mine = [call for call in calls if call["path"] in files]
    if dependencies:
        for requirement in found[0].requires or []:
            other = re.match(r"[\w.-]+", requirement)[0]
            mine += calls_of(other, calls, True, seen)
    return mine


if __name__ == "__main__":
    main()
