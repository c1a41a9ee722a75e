"""What docs/discovery.md says of flags and metrics is what the program has."""

import re

from discovery.metrics.exposition import Exposition
from discovery.metrics.metrics import Metrics
from tests.deploy.help_page import PAGE, render

TEXT = PAGE.read_text()


def test_flags_are_those_the_program_prints():
    assert render(TEXT) == TEXT, "run python -m tests.deploy.help_page"


def test_metrics_it_names_exist():
    metrics = Metrics()
    metrics.operated_storage("save", ok=False)
    exposed = Exposition(metrics, "test").render().decode()
    known = set(re.findall(r"^# TYPE (\w+)", exposed, flags=re.MULTILINE))
    named = re.findall(r"\b((?:discovery|grpc_server|process)_[a-z_]+[a-z])\b", TEXT)
    names = {name.removesuffix("_bucket") for name in named}

    assert len(names) > 10
    assert names <= known, names - known


def test_links_within_the_page_lead_somewhere():
    headings = re.findall(r"^## (.*)$", TEXT, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
    links = set(re.findall(r"\]\(#([\w-]+)\)", TEXT))

    assert links
    assert links <= anchors, links - anchors
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (PAGE.parent / target).exists(), target
