#!/usr/bin/env python3
"""Counts how many real distributions run in a slim image with what find-libdeps lists.

Each distribution of sweep.toml is installed by pip into a virtualenv in a builder, `find-libdeps
--lookup` lists its packages, `apt-install` installs them in a root that has Python alone, and its line
of Python, an import and a call, is run there. A line for each, and the counts at the end:

    works    the line ran
    said     it failed, and find-libdeps had reported something as possible or missing, or warned
    silent   it failed, and nothing was reported
    invalid  it was not installed, or its list was not

`find-libdeps --check` is run in the same root; where it contradicts the result, that is printed: it
fails though the line works, or passes though the line fails.

    benches/sweep.py [--release RELEASE] [--tools DIR] [--cases FILE] [--jobs N] [--taken-away] [NAME...]

RELEASE is bookworm (the default) or trixie. DIR has find-libdeps and apt-install; without it,
install.sh builds them. With --taken-away, the files of each listed package are taken away in turn, and
--check must fail exactly if the line, the load of a library or the start of a program does. Needs root,
overlayfs, mmdebstrap, Debian's archive and an index for pip; 40 minutes for all without
--taken-away. Roots, downloads and apt's index are kept in target/sweep.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
WORK = HERE.parent / "target" / "sweep"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
BUILDER, FINAL = "python3,python3-venv,ca-certificates", "python3"
KEPT = {"pip": "root/.cache/pip", "index": "index"}
REPORTS = ("possible", "missing", "warning")
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": SYSTEM, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
PIP = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
BUILD = ENVIRONMENT | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"} | PIP | {"PIP_CERT": f"/{CERTIFICATES}"}
RUN = ENVIRONMENT | {"PATH": f"/venv/bin:{SYSTEM}"}

# Prints each ELF file of /venv that cannot be loaded, with a need that is not found. Libraries are
# loaded, each in its own process; programs, and libraries that fail, are traced.
LOADS = """
import ctypes, os, subprocess

def loads(path):
    child = os.fork()
    if child == 0:
        os.close(2)
        try:
            ctypes.CDLL(path)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

def refused(path):
    is_library = ".so" in os.path.basename(path)
    if is_library and loads(path):
        return []
    # As ldd does; nothing is started.
    traced = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_WARN": "1", "LD_BIND_NOW": ""}
    options = {"env": traced, "capture_output": True, "text": True, "errors": "replace"}
    listed = subprocess.run([LOADER, path], **options)
    lines = (listed.stdout + listed.stderr).splitlines()
    missing = [line.split()[0] for line in lines if "not found" in line]
    return missing or ["itself"] * is_library

LOADER = os.path.realpath("/lib64/ld-linux-x86-64.so.2")
for directory, _, names in os.walk("/venv"):
    for path in (os.path.join(directory, name) for name in names):
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                is_elf = file.read(4) == b"\\x7fELF"
            for needed in refused(path) if is_elf else []:
                print(path, needed)
"""


def main():
    options = arguments()
    cases = tomllib.loads(options.cases.read_text())
    names = options.names or list(cases)
    prepare(options.release, options.tools)
    counts, contradictions = collections.Counter(), []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        tries = {pool.submit(attempt, name, cases[name], options): name for name in names}
        try:
            for done in concurrent.futures.as_completed(tries):
                verdict, text, contradiction = done.result()
                counts[verdict] += 1
                print(f"{tries[done]:26} {verdict:7} {text}", flush=True)
                contradictions += [f"{tries[done]}: {line}" for line in contradiction]
        finally:
            pool.shutdown(cancel_futures=True)
    total = sum(counts.values()) - counts["invalid"]
    for verdict in ("works", "said", "silent"):
        print(f"{verdict:7} {counts[verdict]:3} of {total}, {100 * counts[verdict] / max(total, 1):.1f} %")
    print(f"invalid {counts['invalid']:3}")
    print(f"\n--check contradicts {len(contradictions)}", *contradictions, sep="\n    ")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", default="bookworm", choices=["bookworm", "trixie"])
    parser.add_argument("--tools", type=pathlib.Path, help="the directory of both programs")
    parser.add_argument("--cases", type=pathlib.Path, default=HERE / "sweep.toml")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--taken-away", action="store_true", help="take each listed package away in turn")
    parser.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args()


def prepare(release, tools):
    """Makes the two roots, once, and copies the programs into them."""
    for name in KEPT:
        (WORK / name).mkdir(parents=True, exist_ok=True)
    if not tools:
        prefix = WORK / "tools"
        command([HERE.parent / "install.sh", "--prefix", prefix])
        tools = prefix / "bin"
    for packages in (BUILDER, FINAL):
        root = base(release, packages)
        if not root.exists():
            half = root.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            make = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={packages}"]
            command([*make, release, half])
            if packages == BUILDER:
                shutil.copy(f"/{CERTIFICATES}", half / CERTIFICATES)
                command(["chroot", half, "python3", "-m", "venv", "/venv"])
            shutil.copy("/etc/resolv.conf", half / "etc/resolv.conf")
            # As an engine writes it for a container.
            (half / "etc/hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
            half.rename(root)
        for program in ("find-libdeps", "apt-install"):
            shutil.copy(tools / program, root / "usr/local/bin")


def base(release, packages):
    return WORK / f"{release}+{packages.replace(',', '+')}"


def command(words):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def attempt(name, case, options):
    """Returns the verdict, what to print after it, and the contradictions of `--check`."""
    start = time.monotonic()
    with root(base(options.release, BUILDER), KEPT) as builder:
        failure, packages, said = build(builder, case.get("install", name), case.get("packages", []))
        if failure:
            return "invalid", failure, []
        with root(base(options.release, FINAL), {builder / "venv": "venv"}) as final:
            (final / "packages").write_text("".join(f"{package}\n" for package in packages))
            installed = run(final, ["sh", "-c", "xargs -r apt-install -q < /packages"], ENVIRONMENT)
            if installed.returncode:
                return "invalid", last(installed.stderr), []
            code = f"import os; os.chdir('/tmp')\n{case['run']}"
            ran = tried(final, code)
            checked = check(final)
            works, passes = ran.returncode == 0, checked.returncode == 0
            contradiction = [it for it in checked.stderr.splitlines() if works and not passes]
            if passes and not works:
                contradiction = [f"passes, and the line fails: {last(ran.stderr)}"]
            if options.taken_away and works and passes:
                contradiction += taken_away(final, code, packages)
    reported = [line for line in said if any(f": {kind}: " in line for kind in REPORTS)]
    verdict = "works" if works else "said" if reported else "silent"
    text = f"{time.monotonic() - start:4.0f} s  {' '.join(packages)}"
    text += "".join(f"\n    {line}" for line in ([] if works else [last(ran.stderr), *reported]))
    return verdict, text, contradiction


def tried(final, code):
    return run(final, ["/venv/bin/python", "-W", "ignore", "-c", code], RUN, 150)


def check(final):
    return run(final, ["find-libdeps", "--check", "/venv"], ENVIRONMENT)


def taken_away(final, code, packages):
    """Takes the files of each package away in turn, and returns where `--check` contradicts the result."""
    refused, contradictions = loads(final), []
    for package in packages:
        with without(final, package):
            ran, checked = tried(final, code), check(final)
            changed = sorted(loads(final) ^ refused)
        failing = changed or ([last(ran.stderr)] if ran.returncode else [])
        if checked.returncode and not failing:
            said = checked.stderr.splitlines()[0]
            contradictions.append(f"fails without {package}, and all works: {said}")
        elif failing and not checked.returncode:
            contradictions.append(f"passes without {package}, and this fails: {failing[0]}")
    return contradictions


def loads(final):
    """Returns the files that the loader refuses, or that nothing can be loaded."""
    loaded = run(final, ["/venv/bin/python", "-IS", "-c", LOADS], RUN)
    return set(loaded.stdout.splitlines()) if loaded.returncode == 0 else {last(loaded.stderr)}


@contextlib.contextmanager
def without(final, package):
    """The root without the files of a package, as it is when the trigger of a removal has run."""
    named = run(final, ["dpkg-query", "-L", package], ENVIRONMENT).stdout.splitlines()
    paths = (final / path.lstrip("/") for path in named)
    # Each once: /lib is a link to /usr/lib.
    paths = {path.parent.resolve() / path.name for path in paths if path.is_symlink() or path.is_file()}
    files = sorted(path for path in paths if path.is_relative_to(final))
    with tempfile.TemporaryDirectory(dir=final) as aside:
        for index, path in enumerate(files):
            path.rename(pathlib.Path(aside, str(index)))
        command(["ldconfig", "-r", final])
        yield
        for index, path in enumerate(files):
            pathlib.Path(aside, str(index)).rename(path)


def build(builder, requirements, packages):
    """Installs into a virtualenv. Returns why that failed, the list, and what was said with it."""
    steps = [["/venv/bin/pip", "install", "-q", *requirements.split()]]
    if packages:
        install = ["apt-get", "install", "-qq", "--no-install-recommends", *packages]
        steps = [["apt-get", "update", "-qq"], install, *steps]
    for step in steps:
        done = run(builder, step, BUILD)
        if done.returncode:
            return last(done.stderr), [], []
    listed = run(builder, ["find-libdeps", "--lookup=/index", "/venv"], ENVIRONMENT)
    if listed.returncode not in (0, 1):
        return last(listed.stderr), [], []
    return None, listed.stdout.split(), listed.stderr.splitlines()


def run(root, words, environment, limit=900):
    words = [shutil.which("chroot"), str(root), *words]
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
    try:
        return subprocess.run(words, env=environment, timeout=limit, **options)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", f"no end within {limit} s")


def last(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


@contextlib.contextmanager
def root(lower, binds):
    """A writable copy of a root, with directories bound into it; gone afterwards."""
    place = pathlib.Path(tempfile.mkdtemp(dir=WORK))
    with contextlib.ExitStack() as mounts:
        # Last, and never below what is still mounted.
        mounts.callback(command, ["rm", "-rf", "--one-file-system", place])
        merged, upper, work = (place / name for name in ("merged", "upper", "work"))
        for directory in (merged, upper, work):
            directory.mkdir()

        def mount(*words):
            command(["mount", *words])
            mounts.callback(command, ["umount", "-l", words[-1]])

        mount("-t", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", "overlay", merged)
        mount("-t", "proc", "proc", merged / "proc")
        mount("--bind", "/dev", merged / "dev")
        for source, target in binds.items():
            (merged / target).mkdir(parents=True, exist_ok=True)
            mount("--bind", WORK / source, merged / target)
        yield merged


if __name__ == "__main__":
    main()
