from miniroute.response import Response


def test_a_copy_leaves_the_original_alone():
    first = Response(a=1)
    assert (first.with_values(a=2)["a"], first["a"]) == (2, 1)
