"""The order of training: decided by the seed, complete in every epoch, mixed as the weights say."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from pixelllm.training.mixing import Address, Mixture, Order, draw

SEED = 11


def test_sources_come_as_often_as_their_weights_say() -> None:
    mixture = Mixture([3, 1, 1, 5], 4000, SEED)

    counts = np.bincount(mixture.sources, minlength=4)

    # Of 4000 draws a share of 0.1 to 0.5 is off by 3 deviations at most, 95; for this seed exactly:
    assert counts.sum() == 4000
    assert counts == pytest.approx(np.array([1200, 400, 400, 2000]), abs=95)
    assert counts.tolist() == np.bincount(Mixture([6, 2, 2, 10], 4000, SEED).sources).tolist()


def test_longer_run_begins_like_a_shorter_one() -> None:
    short, long = Mixture([1, 2], 50, SEED), Mixture([1, 2], 500, SEED)

    assert np.array_equal(short.sources, long.sources[:50])
    assert [short.earlier(step) for step in range(50)] == [long.earlier(s) for s in range(50)]


def test_another_seed_mixes_otherwise() -> None:
    assert not np.array_equal(Mixture([1, 1], 99, 1).sources, Mixture([1, 1], 99, 2).sources)


def test_batches_of_a_source_are_counted() -> None:
    mixture = Mixture([1, 2], 60, SEED)

    for source in (0, 1):
        own = [step for step in range(60) if mixture.source(step) == source]
        assert [mixture.earlier(step) for step in own] == list(range(len(own)))


def test_epoch_has_every_sample_once() -> None:
    order = Order("a", 13, SEED)

    epochs = [[order.address(13 * epoch + place) for place in range(13)] for epoch in range(3)]

    for number, epoch in enumerate(epochs):
        assert sorted(address.index for address in epoch) == list(range(13))
        assert {address.epoch for address in epoch} == {number}
    assert epochs[0] != epochs[1]
    assert [a.index for a in epochs[0]] != [a.index for a in epochs[1]]


def test_without_shuffling_samples_come_as_they_are() -> None:
    order = Order("a", 4, SEED, shuffle=False)

    assert [order.address(place).index for place in range(6)] == [0, 1, 2, 3, 0, 1]


def test_each_source_has_an_order_of_its_own() -> None:
    one, other = Order("a", 40, SEED), Order("b", 40, SEED)

    assert [one.address(p) for p in range(40)] != [other.address(p) for p in range(40)]


def test_chance_of_a_sample_is_its_own() -> None:
    order = Order("a", 9, SEED)

    drawn = [
        order.chance(Address(epoch, index)).random() for epoch in range(3) for index in range(9)
    ]

    assert len(set(drawn)) == 27
    assert drawn[5] == Order("a", 9, SEED).chance(Address(0, 5)).random()
    assert drawn[5] != Order("a", 9, SEED + 1).chance(Address(0, 5)).random()


def test_order_in_another_process_is_the_same() -> None:
    """Processes that read ahead may get a copy, where they are started anew."""
    order = Order("a", 20, SEED)
    order.address(3)

    twin = copy.deepcopy(order)

    assert [twin.address(p) for p in range(50)] == [order.address(p) for p in range(50)]


def test_choices_with_other_addresses_differ() -> None:
    assert draw(1, 0).random() != draw(1, 1).random() != draw(2, 1).random()
    assert draw(1, 2, 3).random() == draw(1, 2, 3).random()
