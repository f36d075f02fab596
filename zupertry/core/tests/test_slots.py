from zupertry.core.slots import Slots


def test_no_more_are_admitted_than_the_limit() -> None:
    taken = Slots()
    assert [taken.take("local", 2, job) for job in ("a", "b", "c")] == [True, True, False]
    assert taken.take("mock", 1, "d"), "another kind's slots are its own"


def test_a_slot_is_passed_on_in_the_order_of_arrival_and_then_freed() -> None:
    taken = Slots()
    for job in ("a", "b", "c", "b"):
        taken.take("local", 1, job)
    assert [taken.pass_on("local") for _ in range(3)] == ["b", "c", None]
    assert taken.take("local", 1, "d")


def test_once_closed_nobody_is_admitted_and_nobody_waits() -> None:
    taken = Slots()
    for job in ("a", "b", "c"):
        taken.take("local", 1, job)
    assert taken.close() == ["b", "c"]
    assert not taken.take("mock", 1, "d")
    assert len(taken) == 1, "a is not done"
    assert taken.pass_on("local") is None
    assert (len(taken), taken.close()) == (0, [])


def test_a_freed_slot_is_anybodys_and_what_waited_longest_may_try_again() -> None:
    taken = Slots()
    for delivery in ("a", "b", "c"):
        taken.take("webhooks", 1, delivery)
    assert taken.free("webhooks") == "b"
    assert taken.take("webhooks", 1, "d"), "b has none until it takes it"
    assert [taken.free("webhooks"), len(taken)] == ["c", 0]
    taken.take("webhooks", 1, "e")
    assert taken.free("webhooks") is None
