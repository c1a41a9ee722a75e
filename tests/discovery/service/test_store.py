from discovery.service.store import StoreHealth


def test_store_without_a_problem_has_nothing_to_say() -> None:
    assert StoreHealth(ready=True).problem == ""
