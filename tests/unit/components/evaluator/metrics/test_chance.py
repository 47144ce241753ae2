"""What chance gives: by hand, and by every order there is."""

import itertools

import numpy as np
import pytest

from components.evaluator.metrics import chance
from components.evaluator.metrics.names import STATISTICS


def test_chance_by_hand():
    # One match of four candidates stands at place 1, 2, 3 or 4.
    found = chance.of_ranks(np.array([1, 1, 1]), 4)
    assert found == pytest.approx(
        {
            "recall_at_1": 1 / 4,
            "recall_at_5": 1,
            "recall_at_10": 1,
            "mrr": (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4,
            "median_rank": 2,  # reached by half of the orders
            "mean_rank": 2.5,
            "map": (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4,
        }
    )
    # Of 20 candidates five match: none of the first five does with C(15, 5) / C(20, 5) =
    # 3003 / 15504; one of the first with 5 / 20.
    several = chance.of_ranks(np.array([5]), 20)
    assert several["recall_at_5"] == pytest.approx(1 - 3003 / 15504)
    assert several["recall_at_1"] == pytest.approx(5 / 20)
    # Queries of one and of five matches.
    both = chance.of_ranks(np.array([1, 5]), 20)
    assert both["recall_at_1"] == pytest.approx((1 / 20 + 5 / 20) / 2)


@pytest.mark.parametrize(
    ("matches", "candidates"), [(1, 1), (1, 7), (2, 7), (3, 7), (6, 7), (7, 7)]
)
def test_chance_is_the_mean_over_all_orders(matches, candidates):
    ranks, precisions = [], []
    for places in itertools.combinations(range(1, candidates + 1), matches):
        ranks.append(places[0])  # what stands before the first match does not match
        precisions.append(np.mean([i / place for i, place in enumerate(places, start=1)]))
    found = chance.of_ranks(np.array([matches]), candidates)
    orders = np.array(ranks)
    expected = {
        "recall_at_1": (orders <= 1).mean(),
        "recall_at_5": (orders <= 5).mean(),
        "recall_at_10": (orders <= 10).mean(),
        "mrr": (1 / orders).mean(),
        "median_rank": np.sort(orders)[(len(orders) - 1) // 2],
        "mean_rank": orders.mean(),
        "map": np.mean(precisions),
    }
    assert list(found) == list(STATISTICS)
    assert found == pytest.approx(expected, abs=1e-12)


def test_large_splits_by_their_formulas():
    # One match of N: H_N / N; the harmonic number is ln N + 0.5772156649 + 1 / 2N.
    many = 100_000
    found = chance.of_ranks(np.array([1]), many)
    assert found["mrr"] == pytest.approx(
        (np.log(many) + 0.5772156649 + 0.5 / many) / many, rel=1e-9
    )
    assert found["median_rank"] == many / 2
    # 10,000 of 100,000 match: nearly a geometric draw of p = 0.1, whose E[1/rank] is
    # -p ln p / (1 - p) = 0.25584 and whose median is 7: 1 - 0.9^7 = 0.52.
    tenth = chance.of_ranks(np.array([10_000]), many)
    assert tenth["mrr"] == pytest.approx(0.25584, rel=1e-3)
    assert tenth["median_rank"] == 7
    assert tenth["recall_at_10"] == pytest.approx(1 - 0.9**10, rel=1e-3)
    # Where none is left out of the sum, and where factorials take over from factors.
    none = chance.none_of_first(np.array([3, 50]), many, 101)
    exact = [np.prod(1 - m / (many - np.arange(101.0))) for m in (3, 50)]
    assert none == pytest.approx(exact, rel=1e-7)
