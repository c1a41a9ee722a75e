from kubespan.drivers.discovery.announcement import (
    DiscoveryAnnouncement,
    DiscoveryDesired,
)
from kubespan.drivers.entropy import SystemEntropy
from kubespan.model.affiliate import Affiliate
from kubespan.model.keys import SecretKey
from kubespan.model.peer import HarvestedEndpoint
from tests.builders import a_public_key, a_secret, an_affiliate, endpoints
from tests.discovery_builders import SECRET, settings_of

LOCAL = an_affiliate("me")
SEEN = HarvestedEndpoint(a_public_key("b"), "b", endpoints("1.2.3.4:5")[0])
TOO_LARGE = an_affiliate("me", hostname="x" * 2100)


def desired(
    local: Affiliate | None = LOCAL,
    *harvested: HarvestedEndpoint,
    secret: SecretKey | None = SECRET,
) -> DiscoveryDesired:
    settings = settings_of(secret=secret)  # type: ignore[arg-type] # None is tested
    return DiscoveryDesired(settings, local, "me", harvested)


def announced() -> DiscoveryAnnouncement:
    announcement = DiscoveryAnnouncement(SystemEntropy())
    announcement.change(desired())
    return announcement


def test_equal_content_is_sealed_once():
    announcement = announced()
    before = announcement.updates

    changed = announcement.change(desired(an_affiliate("me")))

    assert not changed
    assert announcement.updates == before


def test_new_content_is_sealed_anew():
    announcement = announced()
    before = announcement.updates

    changed = announcement.change(desired(an_affiliate("me", hostname="renamed")))

    assert changed
    assert announcement.updates[0].data[:12] != before[0].data[:12]


def test_harvest_does_not_seal_our_own_record_again():
    announcement = announced()
    before = announcement.updates

    changed = announcement.change(desired(LOCAL, SEEN))

    assert changed
    assert announcement.updates[0] == before[0]
    assert announcement.updates[1].affiliate_id == "b"


def test_nothing_to_announce_is_no_updates():
    announcement = announced()

    assert announcement.change(desired(None))
    assert announcement.updates == ()


def test_without_a_secret_nothing_is_announced():
    announcement = announced()

    assert announcement.change(desired(secret=None))
    assert announcement.updates == ()


def test_record_that_is_too_large_is_reported_until_it_fits():
    announcement = announced()
    before = announcement.updates

    changed = announcement.change(desired(TOO_LARGE))
    problem = announcement.problem
    announcement.change(desired(TOO_LARGE, SEEN))
    still = announcement.problem
    announcement.change(desired())

    assert not changed
    assert "2048" in problem
    assert still == problem
    assert announcement.problem == ""
    assert announcement.updates[0].affiliate_id == before[0].affiliate_id


def test_last_good_record_does_not_outlive_its_secret():
    announcement = announced()

    announcement.change(desired(TOO_LARGE, secret=a_secret("new")))

    assert announcement.updates == ()


def test_last_good_record_does_not_outlive_our_id():
    announcement = announced()

    announcement.change(desired(an_affiliate("new", hostname="x" * 2100)))

    assert announcement.updates == ()
