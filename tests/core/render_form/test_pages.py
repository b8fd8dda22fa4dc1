"""How many pages a form has."""

import pytest

from services.render.products.form.geometry import pages


@pytest.mark.parametrize(
    ("items", "count"),
    [(1, 1), (6, 1), (7, 2), (20, 2), (21, 3), (34, 3), (35, 4), (48, 4), (49, 5), (50, 5)],
)
def test_six_items_fill_the_first_page_and_fourteen_each_further_one(items, count):
    assert pages(items) == count
