from pathlib import Path

import pytest

from discovery.settings import Settings, parse_duration, parse_settings
from discovery.settings.flags import FLAGS


def parse(*arguments: str, **environment: str) -> Settings:
    variables = {f"KUBESPAN_DISCOVERY_{k}": v for k, v in environment.items()}
    return parse_settings(arguments, variables, "1.2.3")


def test_defaults_are_those_of_the_reference_but_for_trust() -> None:
    # Source: discovery.md 3.2, 3.4. No header is trusted, on purpose.
    settings = parse()

    assert settings == Settings()
    assert (settings.addr, settings.gc_interval_s) == (":3000", 60)
    assert (settings.rate_limit_per_s, settings.rate_burst) == (15, 60)
    assert not settings.trust_x_real_ip
    assert not settings.trust_first_x_forwarded_for
    assert settings.report_client_ip


# Source: the table of discovery.md 3.2, with its defaults as values. ``debug-addr`` is
# only in debug builds. The defaults of trust are others here, on purpose.
@pytest.mark.parametrize(
    ("flag", "default", "is_default_here"),
    [
        ("addr", ":3000", True),
        ("landing-addr", ":3001", True),
        ("metrics-addr", ":2122", True),
        ("debug", "false", True),
        ("gc-interval", "1m", True),
        ("redirect-endpoint", "", True),
        ("snapshots-enabled", "true", True),
        ("snapshot-path", "/var/discovery-service/state.binpb", True),
        ("snapshot-interval", "10m", True),
        ("certificate-path", "", True),
        ("key-path", "", True),
        ("trust-x-real-ip", "true", False),
        ("trust-first-x-forwarded-for", "true", False),
    ],
)
@pytest.mark.parametrize("dashes", ["-", "--"])
def test_every_flag_of_the_reference_is_accepted(
    dashes: str, flag: str, default: str, is_default_here: bool
) -> None:
    settings = parse(f"{dashes}{flag}={default}")

    assert (settings == Settings()) is is_default_here


def test_development_mode_of_the_reference_is_accepted() -> None:
    # Source: discovery.md 3.2, environment.
    settings = parse_settings([], {"MODE": "dev"}, "1.2.3")

    assert (settings.log_level, settings.log_format) == ("debug", "text")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--addr", ":1", "--gc-interval", "5s"], id="two dashes"),
        pytest.param(["-addr", ":1", "-gc-interval", "5s"], id="one dash"),
        pytest.param(["-addr=:1", "--gc-interval=5000ms"], id="equals sign"),
    ],
)
def test_flags_are_written_as_in_go_or_elsewhere(arguments: list[str]) -> None:
    settings = parse(*arguments)

    assert (settings.addr, settings.gc_interval_s) == (":1", 5)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--trust-x-real-ip", True),
        ("-trust-x-real-ip=true", True),
        ("--trust-x-real-ip=TRUE", True),
        ("--trust-x-real-ip=1", True),
        ("--trust-x-real-ip=false", False),
    ],
)
def test_truths_need_no_value(argument: str, expected: bool) -> None:
    assert parse(argument).trust_x_real_ip is expected


def test_what_is_true_can_be_switched_off() -> None:
    assert parse("--report-client-ip=false").report_client_ip is False


def test_environment_gives_what_flags_do_not() -> None:
    settings = parse("--addr=:1", ADDR=":2", RATE_LIMIT="0.5", REDIRECT_ENDPOINT="")

    assert settings.addr == ":1"
    assert settings.rate_limit_per_s == 0.5
    assert settings.redirect_endpoint == ""


def test_certificate_and_key_are_paths() -> None:
    settings = parse("--certificate-path=/a", "--key-path=/b")

    assert (settings.certificate_path, settings.key_path) == (Path("/a"), Path("/b"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m", 60), ("500ms", 0.5), ("1h30m", 5400), ("1.5s", 1.5), (".5s", 0.5)],
)
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "m", "1 m", "-1s", "1d", "1m!", "1s2"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--adr=:1"], "unknown flag --adr=:1; did you mean --addr?"),
        (["serve"], "unknown flag serve"),
        (["--addr=3000"], "--addr: '3000' is not host:port"),
        (["--addr=::1:3000"], "--addr: '::1:3000' is not host:port"),
        (["--addr=:65536"], "--addr: ':65536' has no such port"),
        (["--gc-interval=0s"], "--gc-interval: '0s' is less than 10ms"),
        (["--gc-interval=fast"], "--gc-interval: 'fast' is not a duration"),
        (["--redirect-endpoint=:443"], "--redirect-endpoint: ':443' names no host"),
        (["--rate-limit=-1"], "--rate-limit: '-1' is not a number"),
        (["--rate-limit=nan"], "--rate-limit: 'nan' is not a number"),
        (["--rate-burst=0"], "--rate-burst: '0' is not a whole number"),
        (["--trust-x-real-ip=yes"], "--trust-x-real-ip: 'yes' is neither true nor"),
        (["--log-level=loud"], "--log-level: invalid choice: 'loud'"),
        (["--certificate-path=/a"], "certificate-path and key-path belong together"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_wrong_flags_are_told_in_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(*arguments)

    told = capsys.readouterr().err
    assert caught.value.code == 2
    assert told.startswith(f"kubespan-discovery: {says}")
    assert told.count("\n") == 1


def test_wrong_environment_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(GC_INTERVAL="soon")

    assert caught.value.code == 2
    assert "--gc-interval: 'soon'" in capsys.readouterr().err


def test_help_names_every_flag_and_its_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit) as caught:
        parse("--help")

    told = capsys.readouterr().out
    assert caught.value.code == 0
    for flag in FLAGS:
        assert f"--{flag.name} " in told
    assert told.count("default") >= 30
    assert max(map(len, told.splitlines())) <= 80


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--version")

    assert caught.value.code == 0
    assert capsys.readouterr().out == "kubespan-discovery 1.2.3\n"
