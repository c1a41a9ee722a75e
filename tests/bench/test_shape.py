import pytest

from bench.discovery.shape import STANDARD, Shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("500x400", Shape(1, 500, 400)),
        ("200x20x30@400", Shape(200, 20, 30, 400.0)),
        ("5x5@0.5", Shape(1, 5, 5, 0.5)),
    ],
)
def test_load_is_read_from_its_short_form(text: str, shape: Shape) -> None:
    assert Shape.from_text(text) == shape


@pytest.mark.parametrize("text", ["", "5", "5x", "0x5", "5x5@0", "1x2x3x4", "-1x5"])
def test_loads_that_measure_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not|nothing|no updates"):
        Shape.from_text(text)


def test_standard_loads_are_those_of_the_table() -> None:
    sizes = [(s.affiliates_in_all, s.watchers_in_all) for s in STANDARD]

    assert sizes == [(500, 500), (1024, 1024), (4000, 4000)]
