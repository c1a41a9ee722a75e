import pytest

from bench.discovery.command_line import plan_from_arguments
from bench.discovery.shape import STANDARD, Shape
from bench.discovery.target import Target


def test_without_arguments_the_usual_servers_get_the_standard_loads() -> None:
    plan = plan_from_arguments([], "")

    assert plan.servers == ("memory", "etcd", "stand-in")
    assert plan.shapes == STANDARD
    assert plan.targets == ()


def test_servers_that_run_already_are_named_or_called_by_their_address() -> None:
    arguments = "--address h:1 --pid 2 --name one --address [::1]:3 --pid 4"

    plan = plan_from_arguments(arguments.split(), "")

    assert plan.targets == (
        Target("one", ("h", 1), 2),
        Target("[::1]:3", ("::1", 3), 4),
    )


@pytest.mark.parametrize(
    ("arguments", "shapes"),
    [
        pytest.param(
            "--affiliates 20", (Shape(1, 20, 20),), id="watchers as affiliates"
        ),
        pytest.param("--watchers 7 --rate 5", (Shape(1, 7, 7, 5),), id="the reverse"),
        pytest.param("--shape 2x3x4@9", (Shape(2, 3, 4, 9),), id="spelled out"),
        pytest.param("--shape standard --idle 5", STANDARD, id="by name"),
        pytest.param("--idle 5", (), id="idle watchers only"),
    ],
)
def test_load_is_what_the_arguments_say(arguments: str, shapes: tuple[Shape]) -> None:
    assert plan_from_arguments(arguments.split(), "").shapes == shapes


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param("--address h:1", "as many --pid", id="no process"),
        pytest.param("--address h --pid 1", "not HOST:PORT", id="no port"),
        pytest.param("--shape 5", "is not [CLUSTERSx]", id="no shape"),
        pytest.param("--affiliates 5 --rate -1", "no updates", id="no rate"),
    ],
)
def test_wrong_arguments_are_refused_with_the_reason(
    arguments: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        plan_from_arguments(arguments.split(), "")

    assert complaint in capsys.readouterr().err
