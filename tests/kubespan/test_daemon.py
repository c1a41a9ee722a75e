import asyncio
import os
import signal
from pathlib import Path

import pytest

from kubespan.daemon import Hints, Options, _stop_on_signals, draw_wiring, run
from kubespan.errors import ConfigError


def test_wiring_is_drawn_without_touching_anything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    drawn = draw_wiring()

    assert drawn.startswith("| source | writes |\n")
    assert list(tmp_path.iterdir()) == []


async def test_hints_before_the_runtime_is_there_go_nowhere():
    hints = Hints()

    hints.on_network()
    hints.on_firewall()
    hints.on_wireguard()


async def test_signals_stop_and_reload():
    reloads: list[int] = []
    stop = _stop_on_signals(lambda: reloads.append(1))

    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0.01)
    assert reloads == [1]
    assert not stop.is_set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        assert loop.remove_signal_handler(number)


async def test_configuration_that_does_not_validate_ends_the_start(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("apiVersion: v1alpha1\nkind: KubeSpanConfig\nmtu: five\n")
    options = Options(config, tmp_path / "state", Path("/nowhere"))

    with pytest.raises(ConfigError, match=r"config.yaml:3:6"):
        await run(options)

    assert not (tmp_path / "state").exists()
