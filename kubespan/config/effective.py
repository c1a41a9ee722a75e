"""A Config as an operator can read it back: everything spelled out, secrets hidden."""

from typing import Any, Final

from kubespan.logic.identity.addressing import mesh_prefix
from kubespan.model.config import (
    Config,
    DiscoverySettings,
    HostSettings,
    KubeSpanSettings,
)

REDACTED: Final = "******"


def effective_settings(config: Config) -> dict[str, Any]:
    """Return mappings, lists and plain values; a secret is only said to exist."""
    return {
        "clusterName": config.cluster_name,
        "kubespan": _kubespan(config.kubespan),
        "discovery": _discovery(config.discovery),
        "host": _host(config.host),
    }


def _kubespan(settings: KubeSpanSettings) -> dict[str, Any]:
    return {
        "enabled": settings.enabled,
        "advertiseKubernetesNetworks": settings.advertise_kubernetes_networks,
        "allowDownPeerBypass": settings.allow_down_peer_bypass,
        "harvestExtraEndpoints": settings.harvest_extra_endpoints,
        "mtu": settings.mtu_bytes,
        "filters": {
            "endpoints": _list_or_none(settings.endpoint_filters),
            "peerEndpoints": _list_or_none(settings.peer_endpoint_filters),
            "excludeAdvertisedNetworks": _texts(settings.exclude_advertised_networks),
        },
        "extraAnnouncedEndpoints": _texts(settings.extra_endpoints),
    }


def _discovery(settings: DiscoverySettings) -> dict[str, Any]:
    cluster_id = settings.cluster_id
    return {
        "clusterID": cluster_id,
        "clusterSecret": REDACTED if settings.cluster_secret else "",
        "meshNetwork": str(mesh_prefix(cluster_id)) if cluster_id else "",
        "kubernetesRegistry": settings.kubernetes_registry,
        "services": [
            {
                "name": service.name,
                "endpoint": service.endpoint,
                "plaintext": service.plaintext,
                "caFile": service.ca_file,
                "certificateFile": service.certificate_file,
                "tokenFile": service.token_file,
            }
            for service in settings.services
        ],
    }


def _host(settings: HostSettings) -> dict[str, Any]:
    return {
        "hostname": settings.hostname,
        "nodeName": settings.node_name,
        "registerWithFQDN": settings.register_with_fqdn,
        "machineType": str(settings.machine_type),
        "apiServerPort": settings.api_server_port,
        "advertisedNetworks": _texts(settings.advertised_networks),
        "podNetworks": _texts(settings.pod_networks),
        "serviceNetworks": _texts(settings.service_networks),
        "externalAddresses": _texts(settings.external_addresses),
        "excludeInterfaces": list(settings.exclude_interfaces),
        "wireguard": str(settings.wireguard),
        "userspacePrograms": list(settings.userspace_programs),
        "listenPort": settings.listen_port,
        "sysctls": str(settings.sysctls),
        "nftTable": settings.nft_table,
        "kubeconfig": settings.kubeconfig,
    }


def _texts(values: tuple[Any, ...]) -> list[str]:
    return [str(value) for value in values]


def _list_or_none(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
