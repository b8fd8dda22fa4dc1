"""The render process over broker, database and store."""

from __future__ import annotations

from tests.support.render_room import item, subject


def test_an_order_becomes_a_stored_document_and_a_fact(room):
    process = room.start()
    order = item()
    room.say(order, subject(order))
    (made,) = room.heard(1)
    assert made.type == "render.document.made.v1"
    assert made.subject == subject(order)
    head = room.store.head(order.object_key)
    assert head.etag == made.data.etag
    assert room.stop(process) == 0
