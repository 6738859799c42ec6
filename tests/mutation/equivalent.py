"""Changes that no test can notice, because nothing that matters differs."""

EQUIVALENT: dict[tuple[str, str], str] = {
    ("converter/device/checks.py", "@dataclass(frozen=False)"): "nothing assigns to its fields",
    ("converter/device/comparing.py", "@dataclass(frozen=False)"): "nothing assigns to its fields",
    (
        "converter/device/comparing.py",
        "if not (np.isfinite(one).all() or np.isfinite(other).all()):",
    ): "the difference to what is not finite is not finite either",
    ("converter/device/job.py", "@dataclass(frozen=False)"): "nothing assigns to its fields",
}
"""File and changed line -> why it is as good as the line it replaces."""
