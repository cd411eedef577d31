"""The configuration as the checks see it: folders of .tf files, parsed."""

import dataclasses
import functools
import pathlib
import re

import hcl2

TERRAFORM = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = TERRAFORM.parent


def plain(text):
    """A string literal without its quotes; anything else as it is."""
    if isinstance(text, str) and len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text


@dataclasses.dataclass(frozen=True)
class Block:
    """A resource or a data source: `aws_instance`, its name, its arguments and blocks."""

    file: pathlib.Path
    is_data: bool
    type: str
    name: str
    body: dict

    def __str__(self):
        return f"{self.file.relative_to(TERRAFORM)}: {'data.' if self.is_data else ''}{self.type}.{self.name}"


class Folder:
    """One folder of .tf files: a module, an environment or an example."""

    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(TERRAFORM))
        self.files = sorted(path.glob("*.tf"))
        self.parsed = {file: hcl2.loads(file.read_text()) for file in self.files}
        # Comments are on lines of their own.
        lines = "\n".join(file.read_text() for file in self.files).splitlines()
        self.code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))

    def _named(self, kind):
        return {plain(name): body for top in self.parsed.values() for block in top.get(kind, []) for name, body in block.items()}

    @property
    def variables(self):
        return self._named("variable")

    @property
    def outputs(self):
        return self._named("output")

    @property
    def calls(self):
        return self._named("module")

    @property
    def locals(self):
        blocks = [block for top in self.parsed.values() for block in top.get("locals", [])]
        return {name: value for block in blocks for name, value in block.items() if not name.startswith("__")}

    @property
    def blocks(self):
        """Resources and data sources."""
        found = []
        for file, top in self.parsed.items():
            for kind in ("resource", "data"):
                for block in top.get(kind, []):
                    for type_, named in block.items():
                        for name, body in named.items():
                            if name != "__is_block__":
                                found.append(Block(file, kind == "data", plain(type_), plain(name), body))
        return found

    def resources(self, type_):
        """Resources of one type."""
        return [block for block in self.blocks if block.type == type_ and not block.is_data]

    def callee(self, call):
        """The folder that a module call names."""
        return folder((self.path / plain(self.calls[call]["source"])).resolve())

    def sources(self, pattern):
        """All matches of a pattern in the code, strings included."""
        return re.findall(pattern, self.code)


@functools.cache
def folder(path):
    return Folder(path)


def folders():
    """Every folder with .tf files."""
    return [folder(path) for path in sorted({file.parent for file in TERRAFORM.rglob("*.tf") if ".terraform" not in file.parts})]


def modules():
    """The folders of modules."""
    return [module for module in folders() if module.name.startswith("modules/")]


def module(name):
    return folder(TERRAFORM / "modules" / name)


def children(body, name):
    """Nested blocks of a name, dynamic ones included."""
    given = body.get(name) if isinstance(body.get(name), list) else []
    static = [block for block in given if isinstance(block, dict) and block.get("__is_block__")]
    dynamic = [
        content
        for block in body.get("dynamic", [])
        for label, inner in block.items()
        if plain(label) == name
        for content in inner["content"]
    ]
    return static + dynamic
