"""What is not over yet, without looking through everything that is."""

from simulators.exchange.remaining import Remaining


def test_what_is_left_comes_in_the_order_of_its_coming_and_what_is_over_is_looked_at_no_more() -> None:
    looked: list[str] = []
    over: set[str] = set()

    def is_over(name: str) -> bool:
        looked.append(name)
        return name in over

    everything = {name: name for name in "abc"}
    remaining = Remaining(everything, is_over)
    assert remaining.values() == ["a", "b", "c"]
    over |= {"a", "c"}
    everything |= {"d": "d", "e": "e"}
    assert remaining.values() == ["b", "d", "e"]
    looked.clear()
    assert remaining.values() == ["b", "d", "e"]
    assert looked == ["b", "d", "e"]
