from kubespan.config.circumstances import Circumstances
from kubespan.config.machine_document import MachineDocument
from kubespan.config.talos_documents import KubeSpanDocument
from kubespan.config.validation import PROBLEMS_MAX, validate
from kubespan.config.yaml_nodes import read_documents


def validated(text: str) -> tuple[KubeSpanDocument | None, list[str]]:
    root = read_documents(text).roots[0]
    document, problems = validate(KubeSpanDocument, root, "K", Circumstances())
    return document, [problem.in_file("f") for problem in problems]


def test_valid_document_is_returned():
    document, problems = validated("enabled: true\nmtu: 1300")

    assert problems == []
    assert document is not None
    assert (document.enabled, document.mtu) == (True, 1300)


def test_every_mistake_is_told_at_its_own_place():
    document, problems = validated(
        "enabled: 1\nmtu: x\nenable: true\nfilters:\n  endpoints: {}\n  more: 1\n"
    )

    assert document is None
    assert sorted(problems) == [
        "f:1:10: K.enabled: must be true or false",
        "f:2:6: K.mtu: must be a whole number",
        'f:3:1: K.enable: unknown key "enable"; did you mean enabled?',
        "f:5:14: K.filters.endpoints: must be a list",
        'f:6:3: K.filters.more: unknown key "more"',
    ]


def test_unknown_key_with_a_null_is_still_unknown():
    _, problems = validated("surprise:\n")

    assert problems == ['f:1:1: K.surprise: unknown key "surprise"']


def test_section_that_is_no_mapping_is_refused():
    _, problems = validated("filters: [a]")

    assert problems == ["f:1:10: K.filters: must be a mapping"]


def test_list_is_not_asked_to_be_quoted():
    _, problems = validated("filters: {endpoints: [[a], 1]}")

    assert problems == [
        "f:1:23: K.filters.endpoints[0]: must be text",
        "f:1:28: K.filters.endpoints[1]: must be text; put it in quotes",
    ]


def test_hostile_number_of_mistakes_is_bounded():
    keys = "".join(f"k{number}: 1\n" for number in range(20_000))

    _, problems = validated(keys)

    assert len(problems) == PROBLEMS_MAX


def test_foreign_keys_are_no_mistakes():
    root = read_documents("machine: {install: {disk: !x y}, udev: 1}").roots[0]

    document, problems = validate(MachineDocument, root, "", Circumstances())

    assert problems == []
    assert document is not None
