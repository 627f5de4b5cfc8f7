import pytest
from hypothesis import given

from lamella._proto.lamella.v1 import step_cache_pb2 as pb
from lamella.errors import Invalid
from lamella.model import SCRATCH, Step, StepResult
from lamella.steps.resolve import Answer, Node, Status
from lamella.wire.resolve import answer_from_message, answer_to_message, node_from_message, node_to_message
from lamella.wire.result import result_from_message, result_to_message
from lamella.wire.step import step_from_message, step_to_message
from tests.unit.wire.strategies import answers, nodes, results, steps

DIGEST = "sha256:" + "ab" * 32


@given(steps)
def test_a_step_survives_the_wire(step: Step) -> None:
    message = pb.Step.FromString(step_to_message(step).SerializeToString())
    assert step_from_message(message, step.parent, "step") == step


@given(results)
def test_a_result_survives_the_wire(result: StepResult) -> None:
    message = pb.StepResult.FromString(result_to_message(result).SerializeToString())
    assert result_from_message(message, "result") == result


@given(nodes)
def test_a_node_survives_the_wire(node: Node) -> None:
    message = pb.ResolveRequest.Node.FromString(node_to_message(node).SerializeToString())
    assert node_from_message(message, "node") == node


@given(answers)
def test_an_answer_survives_the_wire(answer: Answer) -> None:
    message = pb.ResolveResponse.Answer.FromString(answer_to_message(answer).SerializeToString())
    assert answer_from_message(message, "answer") == answer


def test_a_status_of_a_later_version_is_unknown() -> None:
    message = pb.ResolveResponse.Answer(key="no digest")
    message.status = 9  # type: ignore[assignment] # a later version's
    assert answer_from_message(message, "answer") == Answer(Status.UNKNOWN)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (pb.Step(), "step.platform"),
        (pb.Step(platform=pb.Platform(os="linux", architecture="a/b")), "step.platform"),
        (pb.Step(platform=pb.Platform(os="linux", architecture="amd64")), "step.instruction.form"),
    ],
)
def test_a_malformed_step_is_refused_by_its_field(message: pb.Step, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        step_from_message(message, SCRATCH, "step")
    assert caught.value.field == field


def _result(**layer: object) -> pb.StepResult:
    message = pb.StepResult(layer=pb.Layer(media_type="tar", digest=DIGEST, size_bytes=1, diff_id=DIGEST))
    for name, value in layer.items():
        setattr(message.layer, name, value)
    return message


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (_result(digest="sha256:xyz"), "result.layer.digest"),
        (_result(diff_id=""), "result.layer.diff_id"),
        (_result(size_bytes=-1), "result.layer.size_bytes"),
        (_result(media_type=""), "result.layer.media_type"),
        (pb.StepResult(duration={"seconds": -1}), "result.duration"),
        (pb.StepResult(duration={"nanos": 10**9}), "result.duration"),
        (pb.StepResult(created={"seconds": -1}), "result.created"),
    ],
)
def test_a_malformed_result_is_refused_by_its_field(message: pb.StepResult, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        result_from_message(message, "result")
    assert caught.value.field == field


def test_no_config_change_is_the_empty_patch() -> None:
    assert result_from_message(pb.StepResult(), "result").config_change == "{}"
