"""Every row states its source, and its quotation is in the documents word for word."""

import re
from typing import Final

import pytest

from tools.citations import VERIFIED, Citation, citations, documents, hashed, normalised

CITATIONS: Final = tuple(citations())
SEEDS: Final = tuple(citation for citation in CITATIONS if citation.way == "seed")
PROSE: Final = tuple(citation for citation in CITATIONS if citation.way != "seed")
WHERE: Final = "{0.where}".format


def test_the_citations_are_found() -> None:
    assert len(SEEDS) > 100
    assert len(PROSE) > 80
    assert {citation.where.split(",")[0].split(".")[0] for citation in SEEDS} == {
        "restcomm",
        "properties_v2",
        "properties-v2",
    }


@pytest.mark.parametrize("citation", SEEDS, ids=WHERE)
def test_a_quotation_was_verified_beside_the_documents(citation: Citation) -> None:
    assert hashed(citation.text) in VERIFIED.read_text("ascii").split(), (
        "not verified as it stands: run `python -m tools.citations` where the API documents are"
    )


def test_no_hash_is_left_of_a_quotation_that_is_gone() -> None:
    assert VERIFIED.read_text("ascii").split() == sorted({hashed(citation.text) for citation in SEEDS})


def test_the_committed_hashes_give_no_text_away() -> None:
    assert re.fullmatch(r"(?:[0-9a-f]{64}\n)+", VERIFIED.read_text("ascii"))


def test_the_documents_hold_each_quotation() -> None:
    texts = documents()
    if not texts:
        pytest.skip("the API documents are not beside this checkout; their hashes were checked")
    assert len(texts) == 2
    assert [found.where for found in SEEDS if not any(normalised(found.text) in text for text in texts)] == []


def test_a_quotation_is_compared_without_its_line_breaks() -> None:
    assert normalised(' "page":\n\t0,  ') == '"page": 0,'
    assert hashed("a\nb") == hashed("a b") != hashed("ab")


@pytest.mark.parametrize("citation", PROSE, ids=WHERE)
def test_what_is_known_or_inferred_is_said_in_a_sentence(citation: Citation) -> None:
    assert re.fullmatch(r"[A-Z0-9].*\s.*[.]", citation.text), citation.text
