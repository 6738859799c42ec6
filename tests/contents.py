"""What is in a folder, to see that nothing in it changed."""


def contents(folder):
    """Return {path: (bytes, time of the last change)} of all files in `folder`."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
