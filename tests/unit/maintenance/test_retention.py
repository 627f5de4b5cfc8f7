from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lamella.maintenance.amounts import parse_age, parse_size
from lamella.maintenance.retention import Retention, Rule, Space
from lamella.maintenance.retention_file import RetentionError, read_retention
from tests.unit.maintenance.farm import DAY, Farm

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = """
[[rule]]
repository = "prod/*"
keep_tags = ["v*", "latest"]
keep_last = 2

[[rule]]
scope = "*@pr-*"
max_age = "3d"

[[rule]]
repository = "base"
pin = true

[[rule]]
repository = "archive/*"
max_age = "never"
"""


def read(tmp_path: Path, text: str) -> Retention:
    path = tmp_path / "retention.toml"
    path.write_text(text)
    return read_retention(path)


def test_the_first_rule_that_matches_holds(tmp_path: Path) -> None:
    retention = read(tmp_path, EXAMPLE)
    rule = retention.rule(Space.REPOSITORY, "prod/shop/web")
    assert rule == Rule(Space.REPOSITORY, "prod/*", keep_tags=("v*", "latest"), keep_last=2)
    assert retention.rule(Space.SCOPE, "default/app@pr-7") == Rule(Space.SCOPE, "*@pr-*", max_age=3 * DAY)
    assert retention.rule(Space.REPOSITORY, "default/app@pr-7") is None
    assert retention.rule(Space.REPOSITORY, "base") == Rule(Space.REPOSITORY, "base", pin=True)
    archive = retention.rule(Space.REPOSITORY, "archive/2020")
    assert archive is not None
    assert archive.max_age == float("inf")


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("[[rule", "", "is not TOML"),
        ("[rules]", "rules", r"tables \[\[rule\]\]"),
        ("rule = 3", "rule", "not a list of tables"),
        ("[[rule]]", "rule[1]", "either repository or scope"),
        ("[[rule]]\nrepository = 'a'\nscope = 'b'", "rule[1]", "either repository or scope"),
        ("[[rule]]\nrepository = 'a'\n[[rule]]\nscope = ''", "rule[2].scope", "not a pattern"),
        ("[[rule]]\nrepository = 'a'\nkeep = 1", "rule[1].keep", "is not known; a rule has keep_last"),
        ("[[rule]]\nscope = 'a'\nkeep_last = 1", "rule[1].keep_last", "is for repositories"),
        ("[[rule]]\nrepository = 'a'\nkeep_last = -1", "rule[1].keep_last", "not a number of tags"),
        ("[[rule]]\nrepository = 'a'\nkeep_tags = 'v*'", "rule[1].keep_tags", "not a list of patterns"),
        ("[[rule]]\nrepository = 'a'\npin = 'yes'", "rule[1].pin", "not true or false"),
        ("[[rule]]\nrepository = 'a'\nmax_age = 30", "rule[1].max_age", "'30' is not an age such as .* or 'never'"),
    ],
)
def test_a_mistake_is_refused_by_place(tmp_path: Path, text: str, field: str, reason: str) -> None:
    with pytest.raises(RetentionError, match=reason) as caught:
        read(tmp_path, text)
    assert caught.value.field == field


def test_ages_and_sizes_are_read_as_operators_write_them() -> None:
    assert [parse_age(text) for text in ("30m", "24h", "7d", "2w")] == [1800, 86400, 7 * DAY, 14 * DAY]
    sizes = {"1B": 1, "200GiB": 200 << 30, "1.5 TB": 1_500_000_000_000, "64MiB": 64 << 20, "2kB": 2000, "80%": 800}
    assert {text: parse_size(text, 1000) for text in sizes} == sizes


@pytest.mark.parametrize("text", ["", "5", "0d", "-1d", "1.5h", "7 d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an age"):
        parse_age(text)


@pytest.mark.parametrize("text", ["", "5", "0B", "-1GB", "200 gb", "120%", "1.2345GB", "0%"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a size|less than a byte"):
        parse_size(text, 1000)


async def test_rules_keep_tags_by_name_by_number_or_all(farm: Farm, tmp_path: Path) -> None:
    retention = read(tmp_path, EXAMPLE)
    for n, tag in enumerate(("prod/web:v1", "prod/web:a", "prod/web:b", "prod/web:c", "base:1", "app:latest")):
        farm.now += 1
        await farm.image(tag, await farm.blob(5000 + n))
    # The tag that was pushed last is not the one whose name is last.
    farm.now += 1
    await farm.image("prod/web:a", await farm.blob(6000))
    steps = [await farm.step("step", None, scope) for scope in ("default/app@main", "default/app@pr-7")]
    farm.now += 4 * DAY
    await farm.collect(max_age=30 * DAY, retention=retention)
    assert farm.has_step(steps[0])
    assert not farm.has_step(steps[1], "default/app@pr-7")
    farm.now += 40 * DAY
    for limits in ({"max_age": 30 * DAY}, {"budget": 0}):
        await farm.collect(retention=retention, **limits)
        kept = [tag for tag in ("v1", "a", "b", "c") if farm.has_tag(f"prod/web:{tag}")]
        assert kept == ["v1", "a", "c"]
        assert farm.has_tag("base:1")
        assert not farm.has_tag("app:latest")
        assert not farm.has_step(steps[0])


async def test_a_rule_may_keep_for_ever_what_the_limit_would_remove(farm: Farm, tmp_path: Path) -> None:
    await farm.image("archive/old:1", await farm.blob(5000))
    farm.now += 400 * DAY
    await farm.collect(max_age=30 * DAY, retention=read(tmp_path, EXAMPLE))
    assert farm.has_tag("archive/old:1")
