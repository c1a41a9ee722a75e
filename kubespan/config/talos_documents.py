"""The newer documents of Talos that concern the mesh, as they are written.

Source:
    kubespan.md sections 6.3 and 6.4.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from kubespan.config.circumstances import refusal
from kubespan.config.network_fields import (
    AnnouncedEndpoint,
    ExcludedNetworks,
    FilterEntry,
)
from kubespan.config.service_url import parse_service_url
from kubespan.config.text_fields import (
    ClusterSecret,
    Hostname,
    Mtu,
    RequiredClusterID,
    ServiceName,
)
from kubespan.model.constants import MTU_DEFAULT_BYTES


class Section(BaseModel):
    """A mapping that is ours: every key is known, every type exact."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, values: object) -> object:
        """Take a null as "not written"."""
        if not isinstance(values, dict):
            return values
        known = known_keys(cls)
        return {k: v for k, v in values.items() if v is not None or k not in known}


class ForeignSection(Section):
    """A mapping of Talos of which we read some keys."""

    model_config = ConfigDict(extra="ignore")


def known_keys(model: type[BaseModel]) -> dict[str, str]:
    """Return the keys a mapping may hold, each with the name of its field."""
    fields = model.model_fields.items()
    return {field.alias or name: name for name, field in fields}


class Filters(Section):
    """What is announced, tried and routed."""

    endpoints: list[FilterEntry] | None = None
    peer_endpoints: list[FilterEntry] | None = None
    exclude_advertised_networks: ExcludedNetworks = Field(default_factory=list)


class KubeSpanSection(Section):
    """The switches of the mesh; legacy block and document share them."""

    enabled: bool = False
    advertise_kubernetes_networks: bool = False
    allow_down_peer_bypass: bool = False
    harvest_extra_endpoints: bool = False
    mtu: Mtu = MTU_DEFAULT_BYTES
    filters: Filters = Filters()


class KubeSpanDocument(KubeSpanSection):
    """``KubeSpanConfig``."""

    api_version: str = ""
    kind: str = ""


class EndpointsDocument(Section):
    """``KubeSpanEndpointsConfig``."""

    api_version: str = ""
    kind: str = ""
    extra_announced_endpoints: list[AnnouncedEndpoint] = Field(default_factory=list)


class ServiceDocument(Section):
    """``DiscoveryServiceConfig``; only the first mistake of one is told."""

    api_version: str = ""
    kind: str = ""
    name: ServiceName = ""
    endpoint: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.name:
            raise refusal("name is required", "name")
        try:
            parse_service_url(self.endpoint)
        except ValueError as error:
            raise refusal(str(error), "endpoint") from None
        return self


class IdentityDocument(Section):
    """``DiscoveryIdentityConfig``."""

    api_version: str = ""
    kind: str = ""
    cluster_id: RequiredClusterID = Field(alias="clusterID")
    cluster_secret: ClusterSecret


class HostnameDocument(ForeignSection):
    """``HostnameConfig``, of which only a fixed name is read."""

    hostname: Hostname = ""
