import pytest

from lamella.index import CounterKey, Counters
from lamella.model import GroupBy
from lamella.stats.report import report

ROWS = [
    (CounterKey("2026-01-01", "b/b", "one", "RUN"), Counters(lookups=1)),
    (CounterKey("2026-01-01", "a/a", "two", "COPY"), Counters(lookups=2)),
    (CounterKey("2026-01-02", "a/a", "one", "RUN"), Counters(lookups=4)),
    (CounterKey("2026-01-02", "a/a", "one"), Counters(bytes_in=8)),
]


def lookups(*group_by: GroupBy, project: str = "") -> list[tuple[CounterKey, int]]:
    return [(key, counters.lookups) for key, counters in report(ROWS, group_by, project)]


def test_without_a_field_there_is_one_sum() -> None:
    assert report(ROWS, []) == [(CounterKey(""), Counters(lookups=7, bytes_in=8))]
    assert report([], []) == [(CounterKey(""), Counters())]
    assert report([], [GroupBy.DAY]) == []


@pytest.mark.parametrize(
    ("field", "sums"),
    [
        (GroupBy.DAY, [("2026-01-01", 3), ("2026-01-02", 4)]),
        (GroupBy.PROJECT, [("a/a", 6), ("b/b", 1)]),
        (GroupBy.BUILDER, [("one", 5), ("two", 2)]),
        (GroupBy.INSTRUCTION, [("", 0), ("COPY", 2), ("RUN", 5)]),
    ],
)
def test_a_field_splits_the_sums_in_its_order(field: GroupBy, sums: list[tuple[str, int]]) -> None:
    assert [(getattr(key, field), count) for key, count in lookups(field)] == sums


def test_several_fields_split_in_the_order_they_are_given() -> None:
    assert [(key.builder, key.project, count) for key, count in lookups(GroupBy.BUILDER, GroupBy.PROJECT)] == [
        ("one", "a/a", 4),
        ("one", "b/b", 1),
        ("two", "a/a", 2),
    ]


def test_a_project_narrows_the_rows() -> None:
    assert lookups(project="a/a") == [(CounterKey(""), 6)]
    assert lookups(GroupBy.PROJECT, project="a") == []
