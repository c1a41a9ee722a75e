from tests.checklist import GAPS, LINES, PAGE, proofs, render


def test_every_line_is_proven_or_a_named_gap():
    missing = set(LINES) - proofs().keys() - GAPS.keys()

    assert missing == set()


def test_gap_is_closed_when_a_test_proves_it():
    assert GAPS.keys() & proofs().keys() == set()


def test_marks_name_lines_that_exist():
    assert proofs().keys() <= set(LINES)


def test_page_is_as_the_marks_say():
    assert PAGE.read_text() == render()
