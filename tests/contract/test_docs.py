"""The generated pages are those the code would generate now."""

from __future__ import annotations

import pytest

from jobs.docs import DOCS, PAGES


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), f"docs/{name} is stale: run `make docs` and review the diff"
