from kubespan.model.link import LinkChanges, LinkKind, LinkSeen
from kubespan.model.network import LinkSpec


def test_changes_are_false_only_when_there_are_none():
    assert not LinkChanges()
    assert LinkChanges(create=(LinkSpec("kubespan", 1420),))


def test_changes_read_as_signs_and_names():
    seen = LinkSeen("old", LinkKind.KERNEL, 1420, up=True)
    changes = LinkChanges((seen,), (LinkSpec("new", 1420),), (LinkSpec("same", 1280),))

    assert str(changes) == "-old +new ~same"
