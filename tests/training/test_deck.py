"""The deck: everything is dealt in its share, whatever position one asks for."""

import numpy as np
import pytest

from vidcl.training.deck import Deck, change_weights, deal


def test_a_tiny_deck_is_dealt_many_times_in_one_batch():
    deck = Deck(3, (0, 0))
    cards = deck.draw(2, 11, np.random.default_rng(0))
    whole = deck.draw(0, 15, np.random.default_rng(0))
    np.testing.assert_array_equal(cards, whole[2:13])
    assert all(sorted(whole[i : i + 3]) == [0, 1, 2] for i in range(0, 15, 3))


@pytest.mark.parametrize("seed", range(5))
def test_cards_are_dealt_as_pointers_on_a_line_meet_the_weights(seed):
    generator = np.random.default_rng(seed)
    weights = generator.gamma(0.5, size=17) + 0.01
    share = 17 * weights / weights.sum()
    total = np.zeros(17)
    offsets = (np.arange(400) + 0.5) / 400
    for offset in offsets:
        slow, reach = [], 0.0
        pointers = [m + offset for m in range(17)]
        for track in range(17):
            slow += [track for point in pointers if reach <= point < reach + share[track]]
            reach += share[track]
        cards = deal(weights, offset)
        assert cards.tolist() == slow
        counts = np.bincount(cards, minlength=17)
        assert ((counts == np.floor(share)) | (counts == np.ceil(share))).all()
        total += counts
    np.testing.assert_allclose(total / 400, share, atol=0.005)


def test_the_last_card_stays_on_the_line():
    for count in (1, 3, 7, 1000):
        weights = np.full(count, 0.1)
        cards = deal(weights, np.nextafter(1.0, 0.0))
        assert cards.max() == count - 1 and (np.bincount(cards, minlength=count) <= 2).all()
        np.testing.assert_array_equal(deal(weights, 0.5), np.arange(count))


def test_a_weighted_deck_can_be_asked_anywhere():
    weights = np.array([0.1, 2.0, 0.5, 1.0, 0.3])
    whole = Deck(5, (1, 0), weights=weights).draw(0, 60, np.random.default_rng(0))
    deck = Deck(5, (1, 0), weights=weights)
    for position, count in ((37, 9), (4, 3), (0, 5)):
        part = deck.draw(position, count, np.random.default_rng(1))
        np.testing.assert_array_equal(part, whole[position : position + count])
    other = Deck(5, (2, 0), weights=weights).draw(0, 60, np.random.default_rng(0))
    assert not np.array_equal(other, whole)
    # the cards of an epoch are shuffled
    assert any((np.diff(epoch) < 0).any() for epoch in whole.reshape(-1, 5))


def test_weights_have_a_floor_and_a_ceiling():
    weights = change_weights(np.array([0, 0.25, 1, 2], np.float32), 0.1)
    np.testing.assert_allclose(weights, [0.1, 0.35, 1.1, 1.1])
