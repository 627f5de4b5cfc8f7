"""Random steps, results and digests."""

from dataclasses import replace

from hypothesis import strategies as st

from lamella.model import (
    SCRATCH,
    Descriptor,
    Digest,
    ExecutionContext,
    Form,
    Heredoc,
    Input,
    Instruction,
    Layer,
    Platform,
    Step,
    StepResult,
)
from lamella.steps.resolve import Answer, Node, Status

texts = st.text(st.characters(codec="utf-8"), max_size=20)
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
tuples = st.lists(texts, max_size=3).map(tuple)
digests = st.binary(min_size=32, max_size=32).map(Digest)
sizes = st.integers(0, 10**18 - 1)
seconds = st.integers(0, 10**9).map(lambda eighths: eighths / 8)

steps = st.builds(
    Step,
    platform=st.sampled_from([Platform("linux", "amd64"), Platform("linux", "arm64", "v8")]),
    parent=digests,
    context=st.builds(ExecutionContext, env=pairs, user=texts, workdir=texts, shell=tuples),
    instruction=st.builds(
        Instruction,
        name=texts,
        arguments=tuples,
        flags=pairs,
        form=st.sampled_from(Form),
        heredocs=st.lists(st.builds(Heredoc, texts, texts), max_size=2).map(tuple),
    ),
    inputs=st.lists(st.builds(Input, texts, texts, texts), max_size=3).map(tuple),
)
layers = st.builds(Layer, st.builds(Descriptor, digests, sizes, texts.filter(bool)), digests)
results = st.builds(
    StepResult,
    layer=st.none() | layers,
    config_change=st.sampled_from(["{}", '{"User":"app"}', '{"Env":null}']),
    seconds=seconds,
    builder=texts,
    created=seconds,
)
chains = digests | st.just(SCRATCH)
nodes = st.builds(
    Node, steps.flatmap(lambda step: chains.map(lambda parent: replace(step, parent=parent)))
) | st.builds(Node, steps.map(lambda step: replace(step, parent=SCRATCH)), st.integers(0, 100), st.booleans())
answers = (
    st.just(Answer(Status.UNKNOWN))
    | st.builds(Answer, st.just(Status.MISS), digests)
    | st.builds(Answer, st.just(Status.HIT), digests, results, chains)
)
