import gc

from discovery.drivers.garbage import OBJECTS, look_for_garbage_less


def test_what_exists_is_never_looked_through_again() -> None:
    thresholds = gc.get_threshold()

    try:
        look_for_garbage_less()

        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == (OBJECTS, *thresholds[1:])
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
