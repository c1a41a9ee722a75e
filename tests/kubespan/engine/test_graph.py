import pytest

from kubespan.engine.controller import Controller
from kubespan.engine.edges import Feed, Sink, Source
from kubespan.engine.graph import draw, order_controllers, refuse_shared_names
from tests.fakes.resources import Apple, Jam, Pear


def row(name, reads, writes) -> Controller:
    return Controller(name, reads, writes, lambda _: ())


def test_each_controller_comes_after_those_it_reads():
    late, early = row("late", (Pear,), Jam), row("early", (Apple,), Pear)

    assert order_controllers([late, early]) == (early, late)


def test_reading_ones_own_output_is_no_cycle():
    alone = row("alone", (Apple, Jam), Jam)

    assert order_controllers([alone]) == (alone,)


def test_two_writers_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="Jam is written by one and two"):
        order_controllers([row("one", (), Jam), row("two", (), Jam)])


def test_a_cycle_is_refused_and_named():
    with pytest.raises(ValueError, match=r"read each other: .*one"):
        order_controllers([row("one", (Jam,), Pear), row("two", (Pear,), Jam)])


async def nothing(*_):
    return {}


def test_a_source_and_a_sink_of_one_name_are_refused():
    tree = Source("tree", (Apple,), nothing)
    sink = Sink("tree", (Jam,), dict, nothing, dict, nothing)

    with pytest.raises(ValueError, match="several edges are called tree"):
        refuse_shared_names([tree], [sink])


def test_the_wiring_is_drawn_as_tables():
    drawn = draw(
        [Source("tree", (Apple, Pear), nothing)],
        [row("cook", (Apple, Jam), Jam)],
        [Sink("shelf", (Jam,), dict, nothing, dict, nothing, after=("floor",))],
        [Feed("guests", (Jam,), print)],
    )

    assert drawn.splitlines() == [
        "| source | writes |",
        "|---|---|",
        "| tree | Apple, Pear |",
        "",
        "| controller | reads | writes |",
        "|---|---|---|",
        "| cook | Apple, *Jam* | Jam |",
        "",
        "| sink | reads | after |",
        "|---|---|---|",
        "| shelf | Jam | floor |",
        "| guests | Jam | |",
    ]
