"""Our verdicts against those of Apple's published validator, see fixtures/specs/README.md."""

import base64
import json
import zlib

import pytest

from converter.validation import validate
from tests.paths import FIXTURES

VERDICTS = FIXTURES / "specs" / "verdicts.jsonl"


@pytest.fixture(scope="module")
def judged():
    """Pairs of Apple's verdict and our findings."""
    pairs = []
    for line in VERDICTS.read_text(encoding="ascii").splitlines():
        case = json.loads(line)
        data = zlib.decompress(base64.b85decode(case["model"]))
        pairs.append((case["accepted"], validate.validate_bytes(data)))
    return pairs


def blames_apple(found):
    return any(f.origin == "apple" and f.severity == "error" for f in found)


def test_what_apple_refuses_we_say_apple_refuses(judged):
    refused = [found for accepted, found in judged if not accepted]
    assert len(refused) > 500
    assert all(map(blames_apple, refused))


def test_what_apple_accepts_we_do_not_blame_on_apple(judged):
    accepted = [found for accepted, found in judged if accepted]
    assert len(accepted) > 300
    assert not any(map(blames_apple, accepted))


def test_among_the_accepted_are_clean_ones_and_ones_that_we_refuse(judged):
    accepted = [found for accepted, found in judged if accepted]
    assert any(not found for found in accepted)
    assert any(map(validate.has_errors, accepted))
