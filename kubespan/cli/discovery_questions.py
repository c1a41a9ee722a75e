"""Several discovery services asked at once, and what they answered, shown."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import click

from kubespan.cli.discovery_advice import with_advice
from kubespan.cli.discovery_records import (
    Opener,
    WatchStory,
    header,
    line,
    plain_from_record,
    row,
)
from kubespan.cli.render import (
    printable,
    render_json,
    render_json_line,
    render_table,
    render_yaml,
)
from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery.channel import CallFailed
from kubespan.drivers.discovery.inquiry import Greeting, Inquirer
from kubespan.drivers.discovery.service import Received

T = TypeVar("T")
HEADER = ("SERVICE", "YOUR ADDRESS", "REDIRECT", "CONNECT", "ROUND TRIP")
EVENTS_MAX = 1024
"""Messages that may wait to be printed; a terminal is slower than a service."""


@dataclass(slots=True)
class Answers(Generic[T]):
    """What each service answered, by name; those that did not are told of at once."""

    given: dict[str, T] = field(default_factory=dict)
    failures: int = 0

    @property
    def exit_status(self) -> int:
        """One if anybody did not answer."""
        return 1 if self.failures else 0

    def refuse(self, name: str, error: CallFailed) -> None:
        """Say why a service did not answer, and what to do about it."""
        self.failures += 1
        tell(f"{name}: {with_advice(error.reason)}")


def tell(text: str) -> None:
    """Print what is no answer, on standard error."""
    click.echo(printable(f"kubespanctl: {text}"), err=True)


def ask_each(
    inquirers: Mapping[str, Inquirer], ask: Callable[[Inquirer], Awaitable[T]]
) -> Answers[T]:
    """Ask all at once; in the order of ``inquirers``."""
    answers: Answers[T] = Answers()

    async def ask_one(name: str, inquirer: Inquirer) -> None:
        try:
            answers.given[name] = await ask(inquirer)
        except CallFailed as error:
            answers.refuse(name, error)

    async def ask_all() -> None:
        async with asyncio.TaskGroup() as group:
            for name, inquirer in inquirers.items():
                group.create_task(ask_one(name, inquirer))

    asyncio.run(ask_all())
    answers.given = {
        name: answers.given[name] for name in inquirers if name in answers.given
    }
    return answers


def show_greetings(answers: Answers[Greeting], output: str) -> None:
    """Print how services greeted."""
    plain = [_plain_greeting(name, one) for name, one in answers.given.items()]
    if output != "table":
        click.echo(render_json(plain) if output == "json" else render_yaml(plain))
    elif plain:
        rows = [
            (
                one["service"],
                one["address"] or "-",
                one["redirect"] or "-",
                f"{one['connectMs']:.1f} ms",
                f"{one['roundTripMs']:.1f} ms",
            )
            for one in plain
        ]
        click.echo(render_table(HEADER, rows))


def show_records(
    answers: Answers[Received], opener: Opener | None, output: str
) -> None:
    """Print what services list, by name of the affiliate."""
    plain = [
        plain_from_record(name, record, opener)
        for name, received in answers.given.items()
        for record in sorted(received.records, key=lambda one: one.affiliate_id)
    ]
    for name, received in answers.given.items():
        tell_unreadable(name, received)
    if output != "table":
        click.echo(render_json(plain) if output == "json" else render_yaml(plain))
    elif plain:
        click.echo(render_table(header(opened=opener is not None), map(row, plain)))
    elif not answers.failures:
        tell("no affiliates: nobody has published to this cluster lately")


def tell_unreadable(name: str, received: Received) -> None:
    """Say how many records made no sense at all."""
    if received.unreadable:
        tell(f"{name}: {received.unreadable} records make no sense")


def follow_each(
    inquirers: Mapping[str, Inquirer], opener: Opener | None, output: str
) -> None:
    """Print what services have and every change; returns when all watches ended."""
    try:
        asyncio.run(_follow_all(inquirers, opener, output))
    except BaseExceptionGroup as group:
        # the one place that ends commands whose reader left knows it by its name
        if group.subgroup(BrokenPipeError):
            raise BrokenPipeError from None
        raise


async def _follow_all(
    inquirers: Mapping[str, Inquirer], opener: Opener | None, output: str
) -> None:
    clock = SystemClock()
    queue: asyncio.Queue[Iterable[dict[str, Any]] | None] = asyncio.Queue(EVENTS_MAX)
    async with asyncio.TaskGroup() as group:
        for name, inquirer in inquirers.items():
            story = WatchStory(name, opener)
            group.create_task(_follow(inquirer, story, queue))
        await _print_events(queue, len(inquirers), output, clock)


async def _print_events(
    queue: "asyncio.Queue[Iterable[dict[str, Any]] | None]",
    running: int,
    output: str,
    clock: SystemClock,
) -> None:
    while running:
        events = await queue.get()
        if events is None:
            running -= 1
            continue
        now = datetime.fromtimestamp(clock.now_ns() / 1e9, UTC)
        for event in events:
            click.echo(_rendered(event, now, output))


async def _follow(
    inquirer: Inquirer,
    story: WatchStory,
    queue: "asyncio.Queue[Iterable[dict[str, Any]] | None]",
) -> None:
    reason = "the service ended the watch: it stops, or starts again; ask once more"
    try:
        async for received in inquirer.watch():
            tell_unreadable(story.service, received)
            await queue.put(story.tell(received.records, deleted=received.deleted))
    except CallFailed as error:
        reason = with_advice(error.reason)
    tell(f"{story.service}: {reason}")
    await queue.put(None)


def _rendered(event: dict[str, Any], now: datetime, output: str) -> str:
    if output == "table":
        return printable(line(event, f"{now:%H:%M:%S}"))
    stamped = {"time": f"{now:%Y-%m-%dT%H:%M:%SZ}", **event}
    if output == "json":
        return render_json_line(stamped)
    return render_yaml(stamped) + "\n---"


def _plain_greeting(name: str, greeting: Greeting) -> dict[str, Any]:
    return {
        "service": name,
        "address": "" if greeting.address is None else str(greeting.address),
        "redirect": greeting.redirect,
        "connectMs": round(greeting.connect_s * 1e3, 3),
        "roundTripMs": round(greeting.round_trip_s * 1e3, 3),
    }
