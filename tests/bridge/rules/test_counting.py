"""Rejections and sendings are counted (INT-8, RCPT-5)."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules.rejection import is_within_limit, rejections_after_filing
from bridge.rules.retries import are_used_up, gap_after, spread
from bridge.vocabulary.profile import Choices


@pytest.mark.parametrize(("ordinal", "within"), [(1, True), (2, True), (3, True), (4, False), (5, False)])
def test_three_rejections_lead_back_to_disposal_and_the_fourth_does_not(ordinal, within):
    assert is_within_limit(ordinal, Choices()) is within


def test_a_city_may_allow_fewer_rejections():
    assert is_within_limit(1, Choices(max_rejections=1))
    assert not is_within_limit(2, Choices(max_rejections=1))


def test_the_counter_starts_again_with_a_new_filing_unless_the_city_counts_on():
    assert rejections_after_filing(4, Choices()) == 0
    assert rejections_after_filing(4, Choices(counter_restarts_on_refiling=False)) == 4


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 60), (2, 300), (3, 900), (4, 900), (50, 900)])
def test_gaps_grow_and_the_last_one_repeats(attempt, seconds):
    assert gap_after(attempt, (60, 300, 900)) == timedelta(seconds=seconds)


def test_without_gaps_the_next_sending_follows_at_once():
    assert gap_after(1, ()) == timedelta(0)


@pytest.mark.parametrize(("attempts", "used_up"), [(1, False), (4, False), (5, True), (6, True)])
def test_five_sendings_are_five_and_not_six(attempts, used_up):
    assert are_used_up(attempts, 5) is used_up


@given(
    gap=st.integers(1, 604_800),
    jitter=st.floats(0, 0.5),
    seed=st.integers(0, 2**32 - 1),
    message_id=st.uuids().map(lambda each: f"urn:uuid:{each}"),
    attempt=st.integers(1, 999),
)
def test_a_gap_is_never_shorter_nor_longer_than_its_share_and_always_the_same(gap, jitter, seed, message_id, attempt):
    least = timedelta(seconds=gap)
    found = spread(least, jitter, seed, message_id, attempt)
    assert least <= found <= least + least * jitter + timedelta(microseconds=1)
    assert found == spread(least, jitter, seed, message_id, attempt)


def test_many_forms_that_failed_together_come_back_spread_over_the_whole_share():
    """RCPT-5: ten thousand forms fail in one second; no second of the spread takes more than twice its part of them."""
    gap = timedelta(seconds=300)
    seconds = Counter(int(spread(gap, 0.1, 0, f"urn:uuid:{number}", 2).total_seconds()) for number in range(10_000))
    assert set(seconds) == set(range(300, 330))
    assert max(seconds.values()) < 2 * 10_000 / 30


@pytest.mark.parametrize("other", [(1, "a", 1), (0, "b", 1), (0, "a", 2)], ids=["seed", "message id", "attempt"])
def test_another_seed_form_or_attempt_draws_another_gap(other):
    assert spread(timedelta(seconds=60), 0.5, *other) != spread(timedelta(seconds=60), 0.5, 0, "a", 1)
