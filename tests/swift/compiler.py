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
    "Sendable handlers, oldest systems": ["-D", "SENDABLE_HANDLERS", "-D", "OLDEST_SYSTEMS"],
    "Sendable image": ["-D", "SENDABLE_IMAGE"],
}
"""How the SDK may be read: nothing is Sendable, or what newer ones may have made so.

One variant lacks what the oldest systems lack: on Linux nobody looks at ``@available``."""


def swiftc(*arguments):
    """Run the compiler; return what it printed, diagnostics included, and whether all was well."""
    command = [SWIFTC, "-no-color-diagnostics", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr, done.returncode == 0


def version():
    return re.search(r"Swift version (\S+)", swiftc("-version")[0])[1]


def build_modules(folder, flags=(), objects=False):
    """Compile the stand-in into `folder`: its modules, what they declare, and objects to link."""
    for module in MODULES:
        sources = sorted((PACKAGE / "Sources" / module).rglob("*.swift"))
        object_flags = ["-emit-object", "-o", folder / f"{module}.o"] if objects else []
        output, is_well = swiftc(
            "-parse-as-library", "-swift-version", "6", "-warnings-as-errors", "-wmo",
            "-module-name", module, "-I", folder, "-emit-module",
            "-emit-module-path", folder / f"{module}.swiftmodule",
            "-emit-symbol-graph", "-emit-symbol-graph-dir", folder, *object_flags, *flags, *sources,
        )  # fmt: skip
        assert is_well, output


def once(tmp_path_factory, name, make):
    """Return the folder `name` that `make` fills, shared by all processes of this run of pytest."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if is_worker else base) / name
    with folder.with_suffix(".made").open("a") as made:
        fcntl.flock(made, fcntl.LOCK_EX)
        if not os.fstat(made.fileno()).st_size:  # what another process wrote while this one waited
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.write("made")
    return folder


def stand_in(tmp_path_factory, variant="strictest"):
    """Return the folder with the compiled stand-in; of the strictest one there are objects, too."""

    def make(folder):
        build_modules(folder, VARIANTS[variant], objects=variant == "strictest")

    return once(tmp_path_factory, f"stand-in {variant}", make)


def diagnostics(modules, mode, files, thorough=False):
    """Check the types of `files` as one module; return errors and warnings by the file's name.

    If `thorough`, what is found only later is among them: whether values may cross threads.
    """
    output, is_well = swiftc(
        *(["-emit-sil", "-o", os.devnull] if thorough else ["-typecheck"]),
        "-parse-as-library", "-wmo", "-warnings-as-errors", "-module-name", "App", "-I", modules,
        *MODES[mode], *files,
    )  # fmt: skip
    found = {}
    for name, text in re.findall(r"^(?:\S*/)?([^/\n]+\.swift):(\d+:\d+: error: .*)$", output, re.M):
        found.setdefault(name, []).append(text)
    assert is_well or found, output
    return found
