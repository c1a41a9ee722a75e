from kubespan.model.sysctl import SysctlPlan


def test_plan_is_false_only_when_nothing_is_to_be_done():
    assert not SysctlPlan({})
    assert SysctlPlan({}, ("net/ipv4/ip_forward",))


def test_plan_reads_as_values_and_what_is_put_back():
    plan = SysctlPlan({"net/a": "1"}, ("net/b",))

    assert str(plan) == "net/a=1 -net/b"
