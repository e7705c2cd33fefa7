"""Who owes what of a sum that several decisions make together: a part for each, and the parts add up.

Taking one decision away and looking at what is saved does not add up: two decisions that only together put a second
machine anywhere would each be told to have cost all of it, and free hours would be counted for both. So the saving is
averaged over every order in which the decisions could have been taken, which is Shapley's value.

L. S. Shapley, A Value for n-Person Games, 1953. https://www.rand.org/pubs/papers/P295.html
"""

from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import combinations
from math import factorial

Cost = Callable[[frozenset[int]], Decimal]
"""What is paid where only these of the decisions were taken, by their number."""

_CENT = Decimal("0.01")


def shares(count: int, cost: Cost) -> tuple[list[Fraction], Fraction]:
    """The part of each of `count` decisions, and what is left without any; exact, and together the cost of all.

    `cost` is asked once for each set of decisions, so 2 ** count times.
    """
    known = cache(lambda taken: Fraction(cost(taken)))
    orders = factorial(count)
    parts = []
    for each in range(count):
        others = [other for other in range(count) if other != each]
        part = Fraction(0)
        for before in _subsets(others):
            weight = Fraction(factorial(len(before)) * factorial(count - len(before) - 1), orders)
            part += weight * (known(before | {each}) - known(before))
        parts.append(part)
    return parts, known(frozenset())


def in_cents(parts: Collection[Fraction | Decimal]) -> list[Decimal]:
    """Parts to the cent, so that they still add up to the cents of their sum: the largest remainders are rounded up."""
    exact = [Fraction(part) / Fraction(_CENT) for part in parts]
    whole = [part.__floor__() for part in exact]
    lacking = round(sum(exact)) - sum(whole)
    by_remainder = sorted(range(len(exact)), key=lambda at: (whole[at] - exact[at], at))
    for at in by_remainder[:lacking]:
        whole[at] += 1
    return [each * _CENT for each in whole]


def _subsets(of: list[int]) -> Iterator[frozenset[int]]:
    for size in range(len(of) + 1):
        yield from map(frozenset, combinations(of, size))
