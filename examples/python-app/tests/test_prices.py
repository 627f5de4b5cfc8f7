from shipping.prices import price


def test_a_heavier_parcel_costs_more():
    assert float(price("DE", 9).split()[0]) > float(price("DE", 1).split()[0])
