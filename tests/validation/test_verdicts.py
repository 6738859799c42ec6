"""Our verdicts against those of Apple's published validator, see fixtures/specs/README.md."""

import base64
import json
import zlib

import pytest

from converter.validation import validate
from tests.paths import FIXTURES

pytestmark = pytest.mark.slow

VERDICTS = FIXTURES / "specs" / "verdicts.jsonl"


@pytest.fixture(scope="module")
def judged():
    """Line number and what it is about, Apple's verdict, and our findings."""
    cases = []
    for number, line in enumerate(VERDICTS.read_text(encoding="ascii").splitlines(), 1):
        case = json.loads(line)
        data = zlib.decompress(base64.b85decode(case["model"]))
        about = f"{number} {case.get('what', '')}"
        cases.append((about, case["accepted"], validate.validate_bytes(data)))
    return cases


def blames_apple(found):
    return any(f.origin == "apple" and f.severity == "error" for f in found)


def test_what_apple_refuses_we_say_apple_refuses(judged):
    refused = [(about, found) for about, accepted, found in judged if not accepted]
    assert len(refused) > 900
    assert [about for about, found in refused if not blames_apple(found)] == []


def test_what_apple_accepts_we_do_not_blame_on_apple(judged):
    accepted = [(about, found) for about, accepted, found in judged if accepted]
    assert len(accepted) > 600
    assert [about for about, found in accepted if blames_apple(found)] == []


def test_among_the_accepted_are_clean_ones_and_ones_that_we_refuse(judged):
    accepted = [found for _, accepted, found in judged if accepted]
    assert any(not found for found in accepted)
    assert any(map(validate.has_errors, accepted))
