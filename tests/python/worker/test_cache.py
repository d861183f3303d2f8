"""What the feature cache keeps, and what it lets go."""

from dataclasses import dataclass

from pixelllm.worker.cache import FeatureCache


@dataclass(frozen=True)
class Entry:
    nbytes: int


def filled(budget: int, **entries: int) -> FeatureCache[str, Entry]:
    cache = FeatureCache[str, Entry](budget)
    for name, nbytes in entries.items():
        cache.put(name, Entry(nbytes))
    return cache


def test_gives_back_what_was_put() -> None:
    cache, entry = filled(10), Entry(4)

    cache.put("a", entry)

    assert cache.get("a") is entry
    assert cache.get("b") is None


def test_lets_go_of_what_was_used_longest_ago() -> None:
    cache = filled(10, a=4, b=4)
    cache.get("a")

    cache.put("c", Entry(4))

    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.get("c") is not None


def test_never_holds_more_than_its_budget() -> None:
    cache = filled(10, a=3, b=3, c=3)

    cache.put("d", Entry(8))

    assert (len(cache), cache.nbytes) == (1, 8)


def test_entry_larger_than_the_budget_is_not_kept_and_evicts_nothing() -> None:
    cache = filled(10, a=4)

    cache.put("b", Entry(11))

    assert cache.get("b") is None
    assert cache.get("a") is not None


def test_entry_put_again_counts_once() -> None:
    cache = filled(10, a=4, b=4)

    cache.put("a", Entry(6))

    assert (len(cache), cache.nbytes) == (2, 10)


def test_budget_of_zero_keeps_nothing() -> None:
    cache = filled(0, a=1)

    assert len(cache) == 0


def test_clear_forgets_everything() -> None:
    cache = filled(10, a=4, b=4)

    cache.clear()

    assert (len(cache), cache.nbytes) == (0, 0)


def test_lets_go_of_the_entries_that_are_named() -> None:
    cache = filled(10, a=4, b=3)

    cache.drop(lambda name: name == "a")

    assert cache.get("a") is None
    assert cache.get("b") is not None
    assert cache.nbytes == 3
