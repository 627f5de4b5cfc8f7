"""One key, one result: whatever Dockerfiles two steps come from, if their keys are one, so is what they do."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st

from lamella.errors import DockerfileError
from lamella.model import Digest
from lamella.steps.config import apply_change
from lamella.steps.key import step_key
from lamella.steps.work import CopyWork, RunWork, Selection
from tests.unit.steps.support import Context, Images, plan

if TYPE_CHECKING:
    from lamella.steps.plan import Plan, PlannedStep

_PARENT = Digest.of(b"parent")
_LINES = [
    "ENV A=1", "ENV A=2", "ENV B=$A", "ENV B=1 A=$B", "ARG A=3", "ARG B", "ARG HTTP_PROXY", "USER u", "USER 1:1",
    "WORKDIR /d", "WORKDIR d", "WORKDIR $A", "LABEL l=$A", 'SHELL ["s"]', "CMD c", 'CMD ["c"]', "CMD []",
    "ENTRYPOINT e", 'ENTRYPOINT ["e"]', "ENTRYPOINT []", "ONBUILD RUN o", "ONBUILD ENV O=1", "EXPOSE 8$A", "VOLUME /$A",
    "STOPSIGNAL 9", "HEALTHCHECK NONE", "HEALTHCHECK CMD h", "HEALTHCHECK --retries=2 CMD h", "MAINTAINER m",
    "RUN r", 'RUN ["r"]', "RUN <<E\nr\nE", "RUN <<-E\n\tr\nE", "RUN <<E\n#!r\nE", "RUN cat <<E\nr\nE",
    "RUN --network=none r", "RUN --mount=type=cache,target=c r", "RUN --mount=type=cache,target=/d/c,id=$A r",
    "RUN --mount=target=/t r",
    "RUN --mount=target=/t,source=f r", "RUN --mount=type=secret,id=s r", "RUN --mount=type=secret,id=s,env=S r",
    "COPY f f", "COPY f /f", "COPY f /d/f", "COPY f f/", "COPY --chown=u f f", "COPY --chmod=7 f f", "COPY f$A /f",
    "COPY f g /d/", "COPY g f /d/", "ADD f /f", "ADD --unpack=false f /f", "ADD --unpack=true f /f",
    "COPY <<f /f\n$A\nf", 'COPY <<"f" /f\n$A\nf', "COPY <<f /f\n1\nf", 'COPY ["<<f", "/f"]', "COPY --parents d/f /f",
    "COPY --parents d/./f /f", "COPY --exclude=f f /f", "COPY --link f /f",
]  # fmt: skip
_dockerfiles = st.tuples(
    st.sampled_from(["FROM base", "FROM other", "FROM scratch"]), st.lists(st.sampled_from(_LINES), max_size=6)
).map(lambda parts: "\n".join([parts[0], *parts[1], ""]))


def _planned(text: str, **options: object) -> Plan | None:
    images = Images({"base": {"Env": ["A=0"], "Cmd": ["x"], "OnBuild": ["LABEL t=$A"]}, "other": {"WorkingDir": "/d"}})
    with suppress(DockerfileError):
        return plan(text, images=images, context=Context(), **options)
    return None


def _key(step: PlannedStep) -> Digest:
    return step_key(replace(step.node.step, parent=_PARENT))


def _result(step: PlannedStep) -> object:
    """What the step does. The source that content was selected with is left out, since the content is in the key."""
    work = step.work
    if isinstance(work, CopyWork):
        # A content digest has the relative paths of what it stands for, so that is all that matters.
        sources = tuple("content" if isinstance(source, Selection) else source for source in work.sources)
        return step.config_change, replace(work, sources=()), sources
    if isinstance(work, RunWork):
        work = replace(work, mounts=tuple(replace(mount, origin="", source="") for mount in work.mounts))
    return step.config_change, work


class _Seen:
    """What every key did where it was seen first."""

    def __init__(self) -> None:
        self.results: dict[Digest, tuple[object, str]] = {}

    def check(self, text: str, **options: object) -> None:
        planned = _planned(text, **options)
        for step in planned.steps if planned else ():
            result = _result(step)
            before, where = self.results.setdefault(_key(step), (result, text))
            assert before == result, f"{where!r} and {text!r} share a key at {step.text!r}"


def test_steps_after_any_one_instruction_with_one_key_do_the_same() -> None:
    seen = _Seen()
    for before in ("", *_LINES):
        for line in _LINES:
            seen.check(f"FROM base\n{before}\n{line}\n")
    assert len(seen.results) > len(_LINES)


@given(st.lists(_dockerfiles, min_size=2, max_size=5), st.sampled_from([{}, {"B": "1"}, {"HTTP_PROXY": "p"}]))
def test_steps_of_any_dockerfiles_with_one_key_do_the_same(texts: list[str], arguments: dict[str, str]) -> None:
    seen = _Seen()
    for text in texts:
        seen.check(text, build_arguments=arguments)


@given(_dockerfiles)
def test_the_changes_of_the_steps_make_the_configuration(text: str) -> None:
    planned, start = _planned(text), _planned(text.partition("\n")[0])
    assume(planned is not None)
    assert planned is not None
    assert start is not None
    config = start.target.config
    for step in planned.steps[len(start.steps) :]:
        config = apply_change(config, json.loads(step.config_change))
    assert config == planned.target.config


@given(_dockerfiles, st.sampled_from(["LABEL z=1", "CMD z", "EXPOSE 1", "STOPSIGNAL 9", "VOLUME /z"]))
def test_what_no_other_instruction_reads_changes_no_key_but_its_own(text: str, inserted: str) -> None:
    assume(inserted != "CMD z" or "ENTRYPOINT" not in text)
    plain, changed = _planned(text), _planned(text.replace("\n", f"\n{inserted}\n", 1))
    assume(plain is not None)
    assert plain is not None
    assert changed is not None
    keys, others = ([_key(step) for step in each.steps if step.text != inserted] for each in (plain, changed))
    assert keys == others
