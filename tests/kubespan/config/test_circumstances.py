import pytest
from pydantic_core import PydanticCustomError

from kubespan.config.circumstances import MUST_BE_TEXT, refusal, text_of


def test_refusal_says_exactly_its_text():
    error = refusal("not {a} format %s", "name")

    assert error.message() == "not {a} format %s"
    assert error.context == {"text": "not {a} format %s", "at": "name"}


def test_text_stays_text_and_anything_else_is_refused():
    assert text_of("a") == "a"
    with pytest.raises(PydanticCustomError, match=MUST_BE_TEXT):
        text_of(1)
