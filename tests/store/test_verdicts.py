"""A verdict that was acknowledged is there, whatever comes after."""

import random
import threading

import pytest

from augment.errors import InvalidInput, NotFound
from augment.store import Store, VerdictRecord
from tests.examples import sample_record


@pytest.fixture
def reviewed(store):
    store.apply([sample_record(number) for number in range(1, 11)])
    return store


def verdict(sample_id, decision, reviewer="ana", **fields):
    return VerdictRecord(sample_id=sample_id, decision=decision, reviewer=reviewer, **fields)


def test_the_status_follows_the_verdict(reviewed):
    added = reviewed.verdicts.add(verdict(3, "rejected", reason="blurred"))
    assert added.id == 1 and added.reason == "blurred" and added.decided_at.endswith("+00:00")
    assert reviewed.samples.get(3).status == "rejected"
    reviewed.verdicts.add(verdict(3, "accepted"))
    assert reviewed.samples.get(3).status == "accepted"
    reviewed.verdicts.add(verdict(3, "skipped"))
    assert reviewed.samples.get(3).status == "accepted"
    assert [one.decision for one in reviewed.verdicts.history(3)] == ["rejected", "accepted", "skipped"]
    assert reviewed.verdicts.standing()[3].decision == "accepted"


def test_a_key_sent_twice_counts_once(reviewed):
    first = reviewed.verdicts.add(verdict(1, "accepted", client_key="k1"))
    assert reviewed.verdicts.add(verdict(1, "accepted", client_key="k1")) == first
    assert reviewed.verdicts.add_many([verdict(1, "accepted", client_key="k1"), verdict(2, "accepted")])[0] == first
    # Another reviewer's key is another key, though it reads the same.
    assert reviewed.verdicts.add(verdict(1, "rejected", "ben", client_key="k1")).id != first.id
    assert reviewed.verdicts.count() == 3
    with pytest.raises(InvalidInput, match="was used for 'accepted' on sample 1"):
        reviewed.verdicts.add(verdict(4, "accepted", client_key="k1"))


def test_a_key_resent_after_its_undo_does_not_decide_again(reviewed):
    reviewed.verdicts.add(verdict(1, "accepted", client_key="k1"))
    reviewed.verdicts.undo("ana", "k2")
    reviewed.verdicts.add(verdict(1, "accepted", client_key="k1"))
    assert reviewed.samples.get(1).status == "candidate"


def test_undo_goes_back_one_verdict_at_a_time(workspace, reviewed):
    reviewed.verdicts.add_many([verdict(1, "accepted"), verdict(2, "rejected"), verdict(2, "accepted")])
    reviewed.verdicts.add(verdict(3, "accepted", "ben"))
    reviewed.close()
    # Undo works after a restart: what it takes back is found in the database, not in a session.
    with Store(workspace) as again:
        undone = again.verdicts.undo("ana", client_key="u1")
        assert (undone.sample_id, undone.undoes, undone.decision) == (2, 3, "undone")
        assert again.verdicts.undo("ana", client_key="u1") == undone
        assert again.samples.get(2).status == "rejected"
        assert again.verdicts.undo("ana").undoes == 2
        assert again.samples.get(2).status == "candidate"
        assert again.verdicts.undo("ana").undoes == 1
        assert again.verdicts.undo("ana") is None
        assert again.samples.counts() == {"candidate": 9, "accepted": 1, "rejected": 0}
        assert [*again.verdicts.standing()] == [3]
        with pytest.raises(InvalidInput, match="belongs to another decision"):
            again.verdicts.add(verdict(5, "accepted", client_key="k5"))
            again.verdicts.undo("ana", client_key="k5")


def test_undoing_an_action_takes_what_still_stands_of_its_batch(reviewed):
    reviewed.verdicts.add(verdict(4, "rejected"))
    reviewed.verdicts.add_many([verdict(number, "accepted", batch="b") for number in (1, 2, 3)])
    reviewed.verdicts.add_many([verdict(5, "accepted", "ben", batch="b")])
    reviewed.verdicts.undo("ana", client_key="one")
    taken = reviewed.verdicts.undo_action("ana", "u")
    assert [one.sample_id for one in taken] == [2, 1] and reviewed.verdicts.undo_action("ana", "u") == taken
    assert reviewed.samples.counts() == {"candidate": 8, "accepted": 1, "rejected": 1}
    assert [one.sample_id for one in reviewed.verdicts.undo_action("ana", "v")] == [4]
    assert reviewed.verdicts.undo_action("ana", "w") == []
    for key, words in (("one", "belongs to another"), ("", "needs a client key")):
        with pytest.raises(InvalidInput, match=words):
            reviewed.verdicts.undo_action("ana", key)


def test_undo_gives_way_to_another_reviewers_newer_verdict(reviewed):
    reviewed.verdicts.add(verdict(1, "accepted", "ana"))
    reviewed.verdicts.add(verdict(1, "rejected", "ben"))
    reviewed.verdicts.undo("ana")
    assert reviewed.samples.get(1).status == "rejected"
    reviewed.verdicts.undo("ben")
    assert reviewed.samples.get(1).status == "candidate"


def test_a_named_verdict_can_be_taken_back_once(reviewed):
    first, _ = reviewed.verdicts.add_many([verdict(1, "accepted"), verdict(2, "accepted")])
    reviewed.verdicts.add(verdict(1, "undone", undoes=first.id))
    assert reviewed.samples.get(1).status == "candidate" and reviewed.samples.get(2).status == "accepted"
    for sample_id, undoes in ((1, first.id), (3, 2), (1, 99), (1, None), (1, 3)):
        with pytest.raises(InvalidInput, match="cannot be undone"):
            reviewed.verdicts.add(verdict(sample_id, "undone", undoes=undoes))


def test_many_are_stored_together_or_not_at_all(reviewed):
    with pytest.raises(NotFound, match="sample 99"):
        reviewed.verdicts.add_many([verdict(1, "accepted"), verdict(99, "accepted")])
    with pytest.raises(InvalidInput, match="no reviewer"):
        reviewed.verdicts.add_many([verdict(1, "accepted"), verdict(2, "accepted", "")])
    with pytest.raises(InvalidInput, match="decision IN"):
        reviewed.verdicts.add_many([verdict(1, "accepted"), verdict(2, "maybe")])
    assert reviewed.verdicts.count() == 0 and reviewed.samples.counts()["candidate"] == 10


def test_random_decisions_and_undos_agree_with_replaying_them(reviewed):
    # The status is kept beside the verdicts for speed; here it is computed again from nothing but the history.
    draw = random.Random(7)
    for _ in range(150):
        reviewer = draw.choice(["ana", "ben"])
        if draw.random() < 0.3:
            reviewed.verdicts.undo(reviewer)
        else:
            decision = draw.choice(["accepted", "rejected", "skipped"])
            reviewed.verdicts.add(verdict(draw.randint(1, 10), decision, reviewer))
    standing = reviewed.verdicts.standing()
    for sample in reviewed.samples.list():
        history = reviewed.verdicts.history(sample.id)
        undone = {one.undoes for one in history}
        deciding = [one for one in history if one.id not in undone and one.decision in ("accepted", "rejected")]
        assert sample.status == (deciding[-1].decision if deciding else "candidate")
        assert standing.get(sample.id) == (deciding[-1] if deciding else None)


def test_threads_write_one_at_a_time_and_read_meanwhile(reviewed):
    failures = []

    def decide(reviewer):
        try:
            for sample_id in range(1, 11):
                reviewed.verdicts.add(verdict(sample_id, "accepted", reviewer, client_key=f"{reviewer} {sample_id}"))
                assert sum(reviewed.samples.counts().values()) == 10
        except Exception as error:  # noqa: BLE001 (a thread's failure must reach the test)
            failures.append(error)

    threads = [threading.Thread(target=decide, args=(f"reviewer {number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert reviewed.verdicts.count() == 120 and reviewed.samples.counts()["accepted"] == 10
