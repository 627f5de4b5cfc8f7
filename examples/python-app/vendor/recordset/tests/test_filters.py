from recordset.filters import Filters


def test_a_copy_leaves_the_original_alone():
    first = Filters(a=1)
    assert (first.with_values(a=2)["a"], first["a"]) == (2, 1)
