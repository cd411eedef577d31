"""The arguments, blocks and attributes of the AWS provider, read from the type declarations of @cdktf/provider-aws.

That package is generated from the provider's own schema; its comments carry the names as HCL writes them.
"""

import dataclasses
import functools
import os
import pathlib
import re
import tarfile

PACKAGE = pathlib.Path(os.environ.get("ALLUVIUM_AWS_TYPES", "")).resolve()

INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
PROPERTY = re.compile(r"/\*\*(?P<comment>(?:(?!\*/).)*?)\*/\s*readonly (?P<camel>\w+)(?P<optional>\??): (?P<type>.*?);\n", re.DOTALL)
HCL_NAME = re.compile(r"\{@link (\S+)#\w+ \w+#(\w+)\}")
GETTER = re.compile(r"^    (?:get (\w+)\(\): |readonly (\w+): )", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Property:
    """An argument, or a nested block."""

    name: str
    type: str
    required: bool
    is_block: bool

    @property
    def block_type(self):
        """Name of the interface of a block."""
        return re.match(r"\w+", self.type).group()

    @property
    def is_repeatable(self):
        return "[]" in self.type


class ResourceType:
    """What one resource or data source may have."""

    def __init__(self, text):
        self.interfaces = {name: properties(body) for name, body in INTERFACE.findall(text)}
        self.root = re.search(r"export interface (\w+) extends cdktf.TerraformMetaArguments", text).group(1)
        main = text[text.rindex("export declare class"):]
        camel = {name for pair in GETTER.findall(main) for name in pair if name}
        self.attributes = {snake(name) for name in camel} | set(self.interfaces[self.root])
        self.provider_version = HCL_NAME.search(text).group(1).split("/")[-4]


def properties(body):
    found = {}
    for match in PROPERTY.finditer(body):
        link = HCL_NAME.search(match["comment"])
        if link:
            name = link.group(2)
            is_block = re.match(rf"[\s*]*{name} block\s", match["comment"]) is not None
            found[name] = Property(name, match["type"], not match["optional"], is_block)
    return found


def snake(camel):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda upper: "_" + upper.group(1).lower(), camel)


def path_in_package(is_data, type_):
    """Where the package declares a type: aws_s3_bucket is s3-bucket, its data source is data-aws-s3-bucket."""
    slug = type_.replace("_", "-")
    return f"package/lib/{'data-' + slug if is_data else slug.removeprefix('aws-')}/index.d.ts"


@functools.cache
def resource_type(is_data, type_):
    """The declaration of a type, or nothing if the provider has none of that name."""
    file = PACKAGE / path_in_package(is_data, type_)
    return ResourceType(file.read_text()) if file.is_file() else None


def extract(archive, into, types):
    """Unpacks the declarations of `types`, pairs as path_in_package takes them, unless they are there already."""
    wanted = {path_in_package(*pair) for pair in types}
    if all((into / path).is_file() for path in wanted):
        return
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            if member.name in wanted:
                target = into / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(members.extractfile(member).read())


if __name__ == "__main__":
    import sys

    import configuration

    used = {(block.is_data, block.type) for folder in configuration.folders() for block in folder.blocks}
    extract(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), used)
