"""Split a cost among decisions by their Shapley values, so that the parts add up to the whole.

The savings from reversing each decision alone do not add up. Two decisions that only together cause a second instance
would each be charged all of it, and free hours would count for both. The Shapley value averages the saving over all
orders in which the decisions could have been taken.

L. S. Shapley, A Value for n-Person Games, 1953. https://www.rand.org/pubs/papers/P295.html
"""

from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import combinations
from math import factorial

Cost = Callable[[frozenset[int]], Decimal]
"""The cost if only these decisions (by number) were taken."""

_CENT = Decimal("0.01")


def shapley_values(count: int, cost: Cost) -> tuple[list[Fraction], Fraction]:
    """(the value of each of `count` decisions, the cost without any); exact, and together the cost of all.

    `cost` is called once for each set of decisions: 2 ** count times.
    """
    known = cache(lambda taken: Fraction(cost(taken)))
    orders = factorial(count)
    values = []
    for decision in range(count):
        others = [other for other in range(count) if other != decision]
        value = Fraction(0)
        for before in _subsets(others):
            weight = Fraction(factorial(len(before)) * factorial(count - len(before) - 1), orders)
            value += weight * (known(before | {decision}) - known(before))
        values.append(value)
    return values, known(frozenset())


def split_cents(amounts: Collection[Fraction | Decimal]) -> list[Decimal]:
    """Round amounts to the cent so that they add up to their rounded sum: the largest remainders are rounded up."""
    exact = [Fraction(amount) / Fraction(_CENT) for amount in amounts]
    cents = [amount.__floor__() for amount in exact]
    missing = round(sum(exact)) - sum(cents)
    by_remainder = sorted(range(len(exact)), key=lambda at: (cents[at] - exact[at], at))
    for at in by_remainder[:missing]:
        cents[at] += 1
    return [cent * _CENT for cent in cents]


def _subsets(items: list[int]) -> Iterator[frozenset[int]]:
    for size in range(len(items) + 1):
        yield from map(frozenset, combinations(items, size))
