"""The README of each module, made from its variables, outputs and resources. Checks that they are up to date; --write writes them."""

import json
import re
import sys
import textwrap

import configuration
from configuration import plain

MADE_BY = "<!-- Made from the .tf files by `terraform/verify --fmt`. -->"


def purpose(module):
    """The comment at the beginning of main.tf."""
    lines = []
    for line in (module.path / "main.tf").read_text().splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    assert lines, f"{module.name}/main.tf does not begin with a comment"
    paragraphs = re.split(r"\n\n", "\n".join(lines))
    return "\n\n".join(textwrap.fill(" ".join(paragraph.split()), 128) for paragraph in paragraphs)


def expression(value):
    """A type or a default as it would be written on one line."""
    if isinstance(value, str) and value.startswith("${"):
        value = value[2:-1]
    elif isinstance(value, (dict, list, bool)) or value is None:
        value = json.dumps(readable(value))
    return "`" + " ".join(str(value).split()).replace("|", "\\|") + "`"


def readable(value):
    if isinstance(value, dict):
        return {name: readable(inner) for name, inner in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [readable(inner) for inner in value]
    return plain(value)


def table(title, head, rows):
    if not rows:
        return ""
    lines = [f"## {title}", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n\n"


def text_of(value):
    return plain(value).replace("|", "\\|")


def readme(module):
    variables = [
        (f"`{name}`", text_of(body["description"]), expression(body["type"]),
         expression(body["default"]) if "default" in body else "required")
        for name, body in module.variables.items()
    ]
    outputs = [(f"`{name}`", text_of(body["description"])) for name, body in module.outputs.items()]
    blocks = sorted({f"{block.type}.{block.name}" for block in module.blocks if not block.is_data})
    calls = sorted(f"module.{name}" for name in module.calls)
    return (
        f"# {module.path.relative_to(configuration.TERRAFORM / 'modules')}\n\n{MADE_BY}\n\n{purpose(module)}\n\n"
        + table("Inputs", ("name", "meaning", "type", "default"), variables)
        + table("Outputs", ("name", "meaning"), outputs)
        + table("Resources", ("resource",), [(f"`{name}`",) for name in blocks + calls])
    ).rstrip() + "\n"


def main():
    stale = []
    for module in configuration.modules():
        file = module.path / "README.md"
        if not file.is_file() or file.read_text() != readme(module):
            stale.append(str(file.relative_to(configuration.TERRAFORM)))
            if "--write" in sys.argv[1:]:
                file.write_text(readme(module))
    if stale and "--write" not in sys.argv[1:]:
        print("not up to date; run `terraform/verify --fmt`:", *stale, sep="\n  ")
        return 1
    print(f"{len(configuration.modules())} READMEs of modules are up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
