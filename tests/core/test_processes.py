import pytest

from perfgate.core.processes import Processes


def test_it_is_a_tuple_of_tuples_in_all_but_memory() -> None:
    nested = ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0))
    made = Processes(nested)

    assert made == nested
    assert nested == made
    assert (len(made), made[0], made[-1], list(made)) == (3, (1.0, 2.0), (5.0, 6.0), list(nested))
    assert made[1:] == nested[1:]
    assert hash(made) == hash(nested)
    assert repr(made) == repr(nested)
    assert made != Processes(nested[:2])
    assert made != [*nested]
    with pytest.raises(IndexError):
        made[3]


@pytest.mark.parametrize(
    ("nested", "each"), [([[1, 2], [3, 4]], 2), ([[1], [2, 3]], 0), ([[]], 0), ([], 0), ([[1, 2], [3], [4]], 0)]
)
def test_it_knows_whether_all_have_as_many(nested: list[list[int]], each: int) -> None:
    assert Processes(nested).each == each
