from kubespan.drivers.once import Once
from kubespan.model.affiliate import Affiliate
from tests.fakes.publisher import FakePublisher


async def test_fact_is_published_with_its_warnings_and_the_source_ends():
    publisher = FakePublisher()

    await Once(Affiliate("x"), ["mode was 0644"]).run(publisher)

    assert publisher.said == {Affiliate: {"x": Affiliate("x")}}
    assert list(publisher.notices.values()) == ["mode was 0644"]
