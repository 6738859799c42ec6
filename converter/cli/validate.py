"""``make-updatable validate``: what Core ML would refuse or fail on, found anywhere."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import click

from converter.cli.command import Command
from converter.cli.parameters import json_option, quiet_option
from converter.cli.printable import printable
from converter.errors import EXIT_ERROR, EXIT_OK, UsageError
from converter.files.kinds import special
from converter.validation.finding import Finding
from converter.validation.rules import RULES, RuleModule, title_of
from converter.validation.validate import RuleError, rule_of, validate_bytes, validate_file
from converter.versions import VERSION

Found: TypeAlias = list[tuple[str, Finding]]
"""Pairs of a file name and a finding in it."""

STANDARD_INPUT = "-"


ALONE = ("explain", "list_rules")
CHECKING = ("files", "strict", "require_updatable", "ignore", "style", "as_json")
"""Parameters that check nothing, and those that are for checking."""


@click.command(
    "validate",
    cls=Command,
    excludes=[
        ALONE,
        ("style", "as_json"),
        *((one, other) for one in ALONE for other in CHECKING),
    ],
)
@click.argument("files", nargs=-1, type=click.Path(), metavar="FILE...")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--require-updatable", is_flag=True, help="Fail if a model is not updatable.")
@click.option("--ignore", multiple=True, metavar="CODE", help="Leave out a rule; may be repeated.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How findings are printed.",
)
@click.option("--explain", metavar="CODE", help="Explain one rule and stop.")
@click.option("--list-rules", is_flag=True, help="List all rules and stop.")
@json_option
@quiet_option
def command(
    files: tuple[str, ...],
    strict: bool,
    require_updatable: bool,
    ignore: tuple[str, ...],
    style: str,
    explain: str | None,
    list_rules: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Check .mlmodel files: would Core ML accept them, and can it train them?

    FILE is a file, a folder that is searched for .mlmodel files, a pattern, or - for standard
    input. Ends with 0 if there is no error, 1 if there is one, 2 for wrong usage.
    """
    if explain is not None:
        click.echo(_explanation(explain))
        return EXIT_OK
    if list_rules:
        click.echo("\n".join(map(_rule_line, RULES)))
        return EXIT_OK
    if not files:
        raise UsageError("name a file, a folder, or - for standard input")
    codes = {_known(code) for codes in ignore for code in codes.split(",")}
    found, count = [], 0
    for name in dict.fromkeys(_expanded(files)):
        count += 1
        found += [(name, finding) for finding in _check(name, require_updatable, codes)]
    failing = ("error", "warning") if strict else ("error",)
    errors = [(name, finding) for name, finding in found if finding.severity in failing]
    style = "json" if as_json else style
    PRINTERS[style](errors if quiet else found)
    if style == "text" and not (found or quiet):
        click.echo(f"{count} file{'s' * (count != 1)} checked, nothing found", err=True)
    return EXIT_ERROR if errors else EXIT_OK


def _known(code: str) -> str:
    rule = rule_of(code.strip())
    if rule is None:
        raise UsageError(f"there is no rule {code.strip()!r}; --list-rules shows them")
    return rule.RULE.code


def _explanation(code: str) -> str:
    rule = rule_of(_known(code))
    assert rule is not None
    about = rule.RULE
    head = f"{about.code} {about.name} ({about.severity}, origin: {about.origin})"
    return f"{head}\n\n{(rule.__doc__ or '').strip()}"


def _rule_line(rule: RuleModule) -> str:
    about = rule.RULE
    return f"{about.code}  {about.severity:7}  {about.origin:7}  {about.name}: {title_of(rule)}"


def _expanded(names: Iterable[str]) -> Iterator[str]:
    """Yield the files that are meant, each folder and pattern expanded in alphabetical order."""
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT or path.is_file() or special(path):
            yield name
            continue
        if path.is_dir():
            matches = sorted(str(match) for match in path.rglob("*.mlmodel") if match.is_file())
        else:
            matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (Path refuses /a/*)
            matches = [match for match in matches if match != name]  # a link that leads nowhere
        if not matches:
            reason = "holds no .mlmodel file" if path.is_dir() else "does not exist"
            raise UsageError(f"{name}: {reason}")
        yield from matches if path.is_dir() else _expanded(matches)


def _check(name: str, must_be_updatable: bool, ignore: set[str]) -> list[Finding]:
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read()
            return validate_bytes(data, must_be_updatable=must_be_updatable, ignore=ignore)
        return validate_file(Path(name), must_be_updatable=must_be_updatable, ignore=ignore)
    except RuleError as error:
        raise RuleError(f"{name}: {error}") from error


def _print_text(found: Found) -> None:
    for name, finding in found:
        click.echo(printable(f"{name}: {finding.text()}"))


def _print_json(found: Found) -> None:
    import json

    click.echo(json.dumps({"findings": [_as_dict(name, f) for name, f in found]}, indent=2))


def _as_dict(name: str, finding: Finding) -> dict[str, str]:
    place = f"{finding.place}: " if finding.place else ""
    return {
        "file": name,
        "code": finding.code,
        "severity": finding.severity,
        "origin": finding.origin,
        "layer": finding.layer,
        "message": place + finding.message,
        "fix": finding.fix,
    }


def _print_github(found: Found) -> None:
    """Print workflow commands, which GitHub shows beside the file."""
    for name, finding in found:
        file, text = (
            part.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            for part in (name, f"{finding.where()}{finding.message}; {finding.fix}")
        )
        file = file.replace(":", "%3A").replace(",", "%2C")
        command = "notice" if finding.severity == "note" else finding.severity
        click.echo(f"::{command} file={file},title={finding.code}::{text}")


def _print_sarif(found: Found) -> None:
    """Print a SARIF 2.1.0 log, which code scanning services read."""
    import json
    from urllib.parse import quote

    rules = [
        {
            "id": rule.RULE.code,
            "name": rule.RULE.name,
            "shortDescription": {"text": title_of(rule)},
            "fullDescription": {"text": (rule.__doc__ or "").strip()},
            "defaultConfiguration": {"level": rule.RULE.severity},
        }
        for rule in RULES
    ]
    results = [
        {
            "ruleId": finding.code,
            "level": finding.severity,
            "message": {"text": f"{finding.where()}{finding.message}; {finding.fix}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(os.fsencode(Path(name).as_posix()))}
                    }
                }
            ],
            "properties": {"origin": finding.origin, "layer": finding.layer},
        }
        for name, finding in found
    ]
    driver = {"name": "make-updatable", "version": VERSION, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    click.echo(json.dumps(log, indent=2))


PRINTERS: dict[str, Callable[[Found], None]] = {
    "text": _print_text,
    "json": _print_json,
    "github": _print_github,
    "sarif": _print_sarif,
}
