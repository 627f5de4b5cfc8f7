"""Steps of every shape, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from lamella.model import Digest, ExecutionContext, Form, Heredoc, Input, Instruction, Platform, Step
from lamella.steps.check import INSTRUCTIONS

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
words = st.text("ab=/,\0é😀", max_size=4)
"""Short texts of few characters, so that two of them often meet."""
names = st.text("abcXYZ", min_size=1, max_size=3)
digests = st.binary(min_size=32, max_size=32).map(Digest)
platforms = st.builds(
    Platform, st.sampled_from(["linux", "freebsd"]), st.sampled_from(["amd64", "arm"]), st.sampled_from(["", "v7"])
)
contexts = st.builds(
    ExecutionContext,
    env=st.dictionaries(names, words | texts, max_size=3).map(lambda env: tuple(env.items())),
    user=words,
    workdir=words.map("/".__add__),
    shell=st.lists(words, max_size=3).map(tuple),
)
heredocs = st.lists(st.builds(Heredoc, names, words | texts), max_size=2).map(tuple)
flags = st.lists(st.tuples(names, words), unique=True, max_size=3).map(lambda pairs: tuple(sorted(pairs)))
inputs = st.lists(
    st.builds(Input, names, words, words | texts), unique_by=lambda item: (item.kind, item.name), max_size=3
).map(lambda items: tuple(sorted(items)))


@st.composite
def instructions(draw: st.DrawFn) -> Instruction:
    name = draw(st.sampled_from(sorted(INSTRUCTIONS)))
    form = draw(st.sampled_from(Form))
    arguments = tuple(draw(st.lists(words | texts, max_size=3)))
    if name == "RUN" and form is Form.SHELL:
        arguments = (draw(words),)
    return Instruction(name, arguments, draw(flags), form, draw(heredocs))


steps = st.builds(Step, platforms, digests, contexts, instructions(), inputs)
