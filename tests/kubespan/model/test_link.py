from kubespan.model.link import LinkChanges, LinkKind, LinkSeen
from kubespan.model.network import LinkSpec

SEEN = LinkSeen("old", LinkKind.KERNEL, 1420, up=True)


def test_no_changes_are_false_and_say_nothing():
    assert not LinkChanges()
    assert str(LinkChanges()) == ""


def test_changes_are_true_and_name_every_link():
    changes = LinkChanges(
        delete=(SEEN,),
        create=(LinkSpec("new", 1420),),
        update=(LinkSpec("same", 1300),),
    )

    assert changes
    assert str(changes) == "-old +new ~same"
