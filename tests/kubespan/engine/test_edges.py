from kubespan.engine.edges import Feed, Sink, Source
from tests.fakes.resources import Apple


async def nothing(*_):
    return {}


def test_a_sink_trusts_the_host_for_half_a_minute_and_waits_for_nobody():
    sink = Sink("s", (Apple,), lambda _: {}, nothing, lambda *_: {}, nothing)

    assert (sink.after, sink.resync_s) == ((), 30.0)


def test_rows_name_what_they_touch():
    assert Source("tree", (Apple,), nothing).writes == (Apple,)
    assert Feed("shop", (Apple,), lambda _: None).reads == (Apple,)
