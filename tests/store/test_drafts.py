"""The mask drawn on an image: the latest one stays, a cleared one goes."""

import pytest

from augment.errors import InvalidInput
from augment.store import Store
from tests.examples import image_record


def test_the_latest_mask_of_an_image_stays(store: Store):
    first, second = store.apply([image_record(1), image_record(2)])
    assert store.drafts.get(first) is None and store.drafts.image_ids() == []
    store.drafts.set(first, "a" * 64)
    store.drafts.set(second, "b" * 64)
    kept = store.drafts.set(first, "c" * 64)
    assert store.drafts.get(first) == kept
    assert (kept.image_id, kept.mask_sha256) == (first, "c" * 64) and kept.updated_at.endswith("+00:00")
    assert store.drafts.image_ids() == [first, second]
    assert len([problem for problem in store.check() if "drafts" in problem]) == 2


def test_a_cleared_mask_goes(store: Store):
    (image,) = store.apply([image_record(1)])
    store.drafts.set(image, "a" * 64)
    store.drafts.delete(image)
    store.drafts.delete(image)
    assert store.drafts.get(image) is None


def test_a_mask_is_there_after_the_workspace_was_closed(workspace):
    with Store(workspace) as store:
        (image,) = store.apply([image_record(1)])
        store.drafts.set(image, "a" * 64)
    with Store(workspace, read_only=True) as store:
        assert store.drafts.image_ids() == [image]


def test_an_image_that_is_not_there_has_no_mask(store: Store):
    with pytest.raises(InvalidInput, match="FOREIGN KEY"):
        store.drafts.set(7, "a" * 64)
