"""The Swift compiler, and the stand-in for Core ML that it is given where there is no Core ML."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).with_name("package")
MODULES = ("ObjectiveC", "CoreGraphics", "ImageIO", "CoreVideo", "VideoToolbox", "CoreML")
"""In the order in which they import one another."""

SWIFTC = shutil.which("swiftc")
MISSING = (
    "Core ML is here: the workflow compiles against it"
    if sys.platform == "darwin"
    else "no Swift compiler (swiftc) on the path"
)
needs_swift = pytest.mark.skipif(SWIFTC is None or sys.platform == "darwin", reason=MISSING)

MODES = {
    "Swift 5": ["-swift-version", "5"],
    "Swift 5, complete": ["-swift-version", "5", "-strict-concurrency=complete"],
    "Swift 6": ["-swift-version", "6"],
    "Swift 6, MainActor": ["-swift-version", "6", "-default-isolation", "MainActor"],
}
"""How a project may compile the file; the last is what Xcode 26 chooses for a new one."""

VARIANTS = {
    "strictest": [],
    "Sendable handlers": ["-D", "SENDABLE_HANDLERS"],
    "Sendable image": ["-D", "SENDABLE_IMAGE"],
    "oldest systems": ["-D", "OLDEST_SYSTEMS"],
}
"""How the SDK may be read: nothing is Sendable; what newer ones may add; what the oldest lack."""


def swiftc(*arguments):
    """Run the compiler; return what it printed, diagnostics included, and whether all was well."""
    command = [SWIFTC, "-no-color-diagnostics", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr, done.returncode == 0


def version():
    return re.search(r"Swift version (\S+)", swiftc("-version")[0])[1]


def build_modules(folder, *flags):
    """Compile the stand-in into `folder`: modules, objects, and what the modules declare."""
    for module in MODULES:
        sources = sorted((PACKAGE / "Sources" / module).rglob("*.swift"))
        output, is_well = swiftc(
            "-parse-as-library", "-swift-version", "6", "-warnings-as-errors", "-wmo",
            "-module-name", module, "-I", folder, "-emit-module",
            "-emit-module-path", folder / f"{module}.swiftmodule",
            "-emit-symbol-graph", "-emit-symbol-graph-dir", folder,
            "-emit-object", "-o", folder / f"{module}.o", *flags, *sources,
        )  # fmt: skip
        assert is_well, output
    return folder


def once(tmp_path_factory, name, make):
    """Return the folder `name` that `make` fills, shared by all processes of this run of pytest."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if is_worker else base) / name
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            unfinished.mkdir(parents=True)
            make(unfinished)
            unfinished.rename(folder)
    return folder


def stand_in(tmp_path_factory, variant="strictest"):
    """Return the folder with the compiled stand-in."""
    name = "stand-in-" + variant.replace(" ", "-")
    return once(tmp_path_factory, name, lambda folder: build_modules(folder, *VARIANTS[variant]))


def diagnostics(modules, mode, files):
    """Check the types of `files` as one module; return errors and warnings by the file's name."""
    output, is_well = swiftc(
        "-typecheck", "-parse-as-library", "-wmo", "-warnings-as-errors",
        "-module-name", "App", "-I", modules, *MODES[mode], *files,
    )  # fmt: skip
    found = {}
    for name, text in re.findall(r"^(?:\S*/)?([^/\n]+\.swift):(\d+:\d+: error: .*)$", output, re.M):
        found.setdefault(name, []).append(text)
    assert is_well or found, output
    return found
