from ipaddress import ip_address

from kubespan.drivers.discovery.outlet import DiscoveryOutlet
from kubespan.model.affiliate import Registry, RegistryAffiliate
from kubespan.model.registry import PublicAddress, RegistryStatus
from kubespan.protocol.discovery_roster import Listing, RosterChanges
from tests.builders import an_affiliate, said
from tests.fakes.publisher import FakePublisher

B = an_affiliate("b")
C = an_affiliate("c")


def changes(*listings: Listing, removed: tuple[str, ...] = ()) -> RosterChanges:
    return RosterChanges(listings, removed)


def an_outlet() -> tuple[DiscoveryOutlet, FakePublisher]:
    publisher = FakePublisher()
    return DiscoveryOutlet("one", publisher), publisher


def affiliates(publisher: FakePublisher) -> list[object]:
    return list(publisher.said[RegistryAffiliate].values())


def test_changes_are_published_under_the_services_name():
    outlet, publisher = an_outlet()

    outlet.publish_affiliates(changes(Listing(B, missing=False), Listing(C, True)))
    outlet.publish_affiliates(changes(removed=("b",)))

    assert affiliates(publisher) == [said(C, "one", missing=True)]


def test_new_client_keeps_what_it_knows_of_the_last_ones():
    outlet, publisher = an_outlet()
    outlet.publish_affiliates(changes(Listing(B, False), Listing(C, False)))

    outlet.begin(changes(Listing(C, True)))

    assert affiliates(publisher) == [said(C, "one", missing=True)]


def test_mapped_address_is_published_as_plain_ipv4():
    outlet, publisher = an_outlet()

    outlet.publish_address(ip_address("::ffff:198.51.100.7"))

    expected = PublicAddress("one", ip_address("198.51.100.7"))
    assert publisher.said[PublicAddress] == {"one": expected}


def test_warnings_carry_the_services_name():
    outlet, publisher = an_outlet()

    outlet.warn("connection", "connection refused")
    outlet.warn("cache", "damaged")
    outlet.warn("cache", "")

    assert publisher.notices == {"one connection": "one: connection refused"}


def test_withdrawal_leaves_nothing_behind():
    outlet, publisher = an_outlet()
    publisher.patch(RegistryAffiliate, [said(B, "other")])
    outlet.publish_affiliates(changes(Listing(B, False)))
    outlet.publish_status(RegistryStatus(Registry.SERVICE, "one", "x:1"))
    outlet.publish_address(ip_address("198.51.100.7"))
    outlet.warn("connection", "connection refused")

    outlet.withdraw()

    assert affiliates(publisher) == [said(B, "other")]
    assert publisher.said[RegistryStatus] == {}
    assert publisher.said[PublicAddress] == {}
    assert publisher.notices == {}
