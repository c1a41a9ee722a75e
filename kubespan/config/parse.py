"""The text of a configuration file to a Config, or to every mistake in it.

::

    text ─► trees with places ─► documents by kind ─► each valid? ─┐
                                        └─────► in agreement? ─────┴─► Config

Source:
    kubespan.md section 6.
"""

from itertools import islice
from typing import Final, TypeVar

from pydantic import BaseModel

from kubespan.config.agreement import (
    disagreements,
    legacy_kubespan_is_on,
    legacy_service_is_on,
    service_path,
    written_cluster_id,
)
from kubespan.config.circumstances import Circumstances
from kubespan.config.host_document import HostDocument
from kubespan.config.kinds import (
    ENDPOINTS,
    HOST,
    HOSTNAME,
    IDENTITY,
    KUBESPAN,
    SERVICE,
    Documents,
    sort_documents,
)
from kubespan.config.machine_document import MachineDocument
from kubespan.config.problems import Problem
from kubespan.config.settings import ValidDocuments, config_of
from kubespan.config.talos_documents import (
    EndpointsDocument,
    HostnameDocument,
    IdentityDocument,
    KubeSpanDocument,
    ServiceDocument,
)
from kubespan.config.validation import PROBLEMS_MAX, validate
from kubespan.config.yaml_nodes import Node, read_documents
from kubespan.errors import ConfigError
from kubespan.logic.identity.addressing import mesh_prefix
from kubespan.model.config import Config

Document = TypeVar("Document", bound=BaseModel)


def parse_config(text: str, file: str) -> Config:
    """Return what one file configures.

    Args:
        text: one or several YAML documents; foreign ones are passed over.
        file: its name, for messages only.

    Raises:
        ConfigError: with every mistake, sorted by place; secrets are never quoted.
    """
    config, problems = _parse(text)
    # raised outside of every handler: pydantic's errors hold what they were given
    if problems or config is None:
        raise ConfigError(_lines(problems, file))
    return config


def _parse(text: str) -> tuple[Config | None, list[Problem]]:
    reading = read_documents(text)
    if reading.problems and not reading.roots:
        return None, list(reading.problems)
    documents, problems = sort_documents(reading.roots)
    validation = _Validation(documents)
    valid = validation.run()
    problems += [*reading.problems, *validation.problems, *disagreements(documents)]
    return (None if problems else config_of(valid)), problems


class _Validation:
    """Checks every document alone and collects what is wrong."""

    def __init__(self, documents: Documents) -> None:
        self.problems: list[Problem] = []
        self._documents = documents
        cluster_id = written_cluster_id(documents)
        self._mesh = mesh_prefix(cluster_id) if cluster_id else None

    def run(self) -> ValidDocuments:
        services = (
            self._check(ServiceDocument, node, service_path(node))
            for node in self._documents.of(SERVICE)
        )
        return ValidDocuments(
            machine=self._machine(),
            kubespan=self._first(KubeSpanDocument, KUBESPAN),
            endpoints=self._first(EndpointsDocument, ENDPOINTS),
            services=tuple(service for service in services if service),
            identity=self._first(IdentityDocument, IDENTITY),
            host=self._first(HostDocument, HOST),
            hostname=self._first(HostnameDocument, HOSTNAME),
        )

    def _machine(self) -> MachineDocument | None:
        node = self._documents.machine
        known = Circumstances(
            legacy=True,
            kubespan=legacy_kubespan_is_on(self._documents),
            service=legacy_service_is_on(self._documents),
            mesh=self._mesh,
        )
        return self._check(MachineDocument, node, "", known) if node else None

    def _first(self, model: type[Document], kind: str) -> Document | None:
        node = self._documents.first(kind)
        return self._check(model, node, kind) if node else None

    def _check(
        self,
        model: type[Document],
        node: Node,
        name: str,
        known: Circumstances | None = None,
    ) -> Document | None:
        known = known or Circumstances(mesh=self._mesh)
        document, problems = validate(model, node, name, known)
        self.problems += problems
        return document


_AND_MORE: Final = "{file}: and {count} more"


def _lines(problems: list[Problem], file: str) -> tuple[str, ...]:
    ordered = sorted(problems, key=lambda problem: problem.place)
    lines = dict.fromkeys(problem.in_file(file) for problem in ordered)
    more = len(lines) - PROBLEMS_MAX
    shown = tuple(islice(lines, PROBLEMS_MAX))
    return (*shown, _AND_MORE.format(file=file, count=more)) if more > 0 else shown
