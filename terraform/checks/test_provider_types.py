"""Every resource, data source, argument and nested block is one that the AWS provider has, and no required one is missing."""

import os
import re

import configuration
import provider_types
import pytest

pytestmark = pytest.mark.skipif("ALLUVIUM_AWS_TYPES" not in os.environ, reason="no types of the provider: there is no npm to fetch them with")
META_ARGUMENTS = {"count", "for_each", "depends_on", "provider", "lifecycle"}
BLOCKS = [block for folder in configuration.folders() for block in folder.blocks]


def literal_fits(value, declared):
    """Whether a literal value may have the declared type; expressions are not judged."""
    if isinstance(value, str) and "${" in value or value is None:
        return True
    is_one_string = re.match(r"string(?!\[\])", declared) is not None
    # Numbers and booleans become strings where a string is wanted.
    if isinstance(value, bool):
        return "boolean" in declared or is_one_string
    if isinstance(value, (int, float)):
        return "number" in declared or is_one_string
    if isinstance(value, list):
        return "[]" in declared
    if isinstance(value, dict):
        return "[key: string]" in declared
    return is_one_string


def complaints(body, interfaces, interface, where):
    declared = interfaces[interface]
    given = {name for name in body if not name.startswith("__")} - {"dynamic"}
    given |= {configuration.plain(label) for block in body.get("dynamic", []) for label in block if not label.startswith("__")}
    for name in sorted(given - set(declared)):
        yield f"{where}: the provider has no `{name}`"
    for name, property_ in declared.items():
        if property_.required and name not in given:
            yield f"{where}: `{name}` is required"
    for name in sorted(given & set(declared)):
        property_ = declared[name]
        nested = configuration.children(body, name)
        if property_.is_block != bool(nested):
            yield f"{where}: `{name}` is {'a block' if property_.is_block else 'an argument'}"
        elif not nested:
            if not literal_fits(body[name], property_.type):
                yield f"{where}: `{name}` is {property_.type}, not {body[name]}"
        else:
            if len(nested) > 1 and not property_.is_repeatable:
                yield f"{where}: `{name}` may be there once"
            for block in nested:
                yield from complaints(block, interfaces, property_.block_type, f"{where}.{name}")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_one_that_the_provider_has(block):
    declared = provider_types.resource_type(block.is_data, block.type)
    assert declared, f"{block}: the provider has no such type"
    body = {name: value for name, value in block.body.items() if name not in META_ARGUMENTS}
    assert not list(complaints(body, declared.interfaces, declared.root, str(block)))


def test_the_version_of_the_provider_has_these_types():
    declared = provider_types.resource_type(False, "aws_instance").provider_version
    for folder in configuration.folders():
        for required in re.findall(r'source\s*=\s*"hashicorp/aws"\s*version\s*=\s*"~> ([\d.]+)"', folder.code):
            assert declared.startswith(required + "."), f"{folder.name} asks for {required}, the types are of {declared}"


REFERENCE = re.compile(r"(?<![\w.\"/-])(data\.)?(aws_\w+)\.(\w+)((?:\[[^\]]*\])?)(?:\.(\w+))?")
LOOP = re.compile(r"for (?:\w+, )?(\w+) in (data\.)?(aws_\w+)\.(\w+) : (?:\1\.(\w+))")


@pytest.mark.parametrize("folder", configuration.folders(), ids=lambda folder: folder.name)
def test_a_reference_names_a_block_and_an_attribute_of_it(folder):
    declared = {(block.is_data, block.type, block.name) for block in folder.blocks}
    wrong = []
    references = [(data, type_, name, attribute) for data, type_, name, _, attribute in REFERENCE.findall(folder.code)]
    references += [(data, type_, name, attribute) for _, data, type_, name, attribute in LOOP.findall(folder.code)]
    for data, type_, name, attribute in references:
        if (bool(data), type_, name) not in declared:
            wrong.append(f"{data}{type_}.{name} is not declared")
        elif attribute and attribute not in provider_types.resource_type(bool(data), type_).attributes:
            wrong.append(f"{data}{type_}.{name} has no attribute {attribute}")
    assert not wrong
