"""Reads our Containerfile: what it says, stage by stage."""

import json
import re
from dataclasses import dataclass

from tests.deploy.manifests import DEPLOY

FILE = DEPLOY / "Containerfile"


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str


@dataclass(frozen=True)
class Containerfile:
    """The instructions of each stage; before the first, those for all."""

    stages: tuple[tuple[Instruction, ...], ...]

    def last(self, word: str) -> str:
        """What an instruction of the image itself says."""
        (rest,) = [i.rest for i in self.stages[-1] if i.word == word]
        return rest

    def all(self, word: str, stage: int) -> list[str]:
        return [i.rest for i in self.stages[stage] if i.word == word]

    def health_check(self) -> list[str]:
        command: list[str] = json.loads(self.last("HEALTHCHECK").partition("CMD ")[2])
        return command

    def entry_point(self) -> list[str]:
        command: list[str] = json.loads(self.last("ENTRYPOINT"))
        return command

    def environment(self) -> dict[str, str]:
        pairs = (pair.partition("=") for pair in self.last("ENV").split())
        return {name: value for name, _, value in pairs}


def read_containerfile() -> Containerfile:
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    instructions = [
        Instruction(word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in lines if line.strip())
    ]
    stages: list[list[Instruction]] = [[]]
    for instruction in instructions:
        if instruction.word == "FROM":
            stages.append([])
        stages[-1].append(instruction)
    return Containerfile(tuple(tuple(stage) for stage in stages))
