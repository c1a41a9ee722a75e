import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kubespan.drivers.config_file import ConfigFile, load_config, read_config_text
from kubespan.engine.resource import R
from kubespan.errors import ConfigError
from kubespan.model.config import Config
from tests.config_texts import MESH
from tests.fakes.publisher import FakePublisher

POLL_S = 0.02
MTU_1300 = MESH.replace("enabled: true", "enabled: true\nmtu: 1300")
BROKEN = MESH.replace("enabled: true", "enabled: yes")


class ListeningPublisher(FakePublisher):
    """Hands out every configuration in the order published."""

    def __init__(self) -> None:
        super().__init__()
        self.configs: asyncio.Queue[Config] = asyncio.Queue()

    def replace(self, kind: type[R], values: Iterable[R]) -> None:
        for value in values:
            assert isinstance(value, Config)
            self.configs.put_nowait(value)


@asynccontextmanager
async def running(file: ConfigFile) -> AsyncIterator[ListeningPublisher]:
    publisher = ListeningPublisher()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(file.run(publisher))
        yield publisher
        task.cancel()


async def next_config(publisher: ListeningPublisher) -> Config:
    async with asyncio.timeout(10):
        return await publisher.configs.get()


async def notice(publisher: FakePublisher, part: str) -> str:
    """Wait until the notice about the file holds a text."""
    async with asyncio.timeout(10):
        while part not in (said := publisher.notices.get("file", "")):
            await asyncio.sleep(POLL_S)
    return said


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(MESH)
    return path


async def test_initial_configuration_is_published_at_once(path: Path):
    initial = load_config(path)

    async with running(ConfigFile(path, initial, 60)) as publisher:
        config = await next_config(publisher)

    assert config is initial


async def test_changed_file_is_loaded(path: Path):
    async with running(ConfigFile(path, load_config(path), POLL_S)) as publisher:
        await next_config(publisher)
        path.write_text(MTU_1300)
        config = await next_config(publisher)

    assert config.kubespan.mtu_bytes == 1300


async def test_change_between_start_and_first_look_is_not_missed(path: Path):
    initial = load_config(path)
    path.write_text(MTU_1300)

    async with running(ConfigFile(path, initial, POLL_S)) as publisher:
        await next_config(publisher)
        config = await next_config(publisher)

    assert config.kubespan.mtu_bytes == 1300


async def test_swapped_links_of_a_projected_volume_are_followed(tmp_path: Path):
    for name, text in (("..one", MESH), ("..two", MTU_1300)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..one")
    path = tmp_path / "config.yaml"
    path.symlink_to("..data/config.yaml")

    async with running(ConfigFile(path, load_config(path), POLL_S)) as publisher:
        await next_config(publisher)
        (tmp_path / "..tmp").symlink_to("..two")
        (tmp_path / "..tmp").replace(tmp_path / "..data")
        config = await next_config(publisher)

    assert config.kubespan.mtu_bytes == 1300


async def test_reload_does_not_wait_for_the_next_look(path: Path):
    file = ConfigFile(path, load_config(path), 3600)

    async with running(file) as publisher:
        await next_config(publisher)
        path.write_text(MTU_1300)
        file.reload()
        config = await next_config(publisher)

    assert config.kubespan.mtu_bytes == 1300
    assert file.config == config


async def test_invalid_file_changes_nothing_and_says_where(path: Path):
    file = ConfigFile(path, load_config(path), POLL_S)

    async with running(file) as publisher:
        initial = await next_config(publisher)
        path.write_text(BROKEN)
        said = await notice(publisher, "must be true or false")

    assert f"{path}:4:10: KubeSpanConfig.enabled" in said
    assert "the configuration before stays in force" in said
    assert file.config is initial
    assert publisher.configs.empty()


async def test_notice_is_withdrawn_when_the_file_is_good_again(path: Path):
    async with running(ConfigFile(path, load_config(path), POLL_S)) as publisher:
        await next_config(publisher)
        path.write_text(BROKEN)
        await notice(publisher, "must be true")
        path.write_text(MESH)
        async with asyncio.timeout(10):
            while "file" in publisher.notices:
                await asyncio.sleep(POLL_S)

    assert publisher.configs.empty()


async def test_vanished_file_changes_nothing_and_is_told(path: Path):
    async with running(ConfigFile(path, load_config(path), POLL_S)) as publisher:
        await next_config(publisher)
        path.unlink()
        await notice(publisher, "no such file")
        path.write_text(MTU_1300)
        config = await next_config(publisher)

    assert config.kubespan.mtu_bytes == 1300


async def test_hints_are_noted(path: Path):
    path.write_text(MESH.replace("https://", "http://"))

    async with running(ConfigFile(path, load_config(path), 60)) as publisher:
        await next_config(publisher)

    assert "without TLS" in publisher.notices["hints"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"\xff\xfe", "not UTF-8 text, from byte 1 on", id="not UTF-8"),
        pytest.param(b"#" * (2 << 20), "longer than 1048576 bytes", id="too large"),
    ],
)
def test_unreadable_content_is_refused(content: bytes, expected: str, tmp_path: Path):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_config_text(path)

    assert expected in str(caught.value)


def test_directory_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="not a regular file"):
        read_config_text(tmp_path)
