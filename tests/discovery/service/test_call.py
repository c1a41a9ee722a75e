from discovery.service.call import Call


def test_clusters_are_known_to_the_log_by_their_beginning_only() -> None:
    call = Call("List", None)

    call.note_cluster("0123456789abcdef")

    assert call.fields == {"cluster": "01234567"}


def test_text_of_others_is_cut() -> None:
    call = Call("Hello", None)

    call.note("client_version", "v" * 10_000)

    assert len(call.fields["client_version"]) == 64
