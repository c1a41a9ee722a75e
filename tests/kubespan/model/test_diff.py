from kubespan.model.diff import Diff


def test_diff_is_false_only_when_it_changes_nothing():
    assert not Diff({}, {}, {})
    assert Diff({}, {}, {"a": 1})


def test_diff_reads_as_signs_and_keys():
    assert str(Diff({"a": 1}, {"b": 1}, {"c": 1})) == "+a ~b -c"
