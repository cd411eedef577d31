"""Variables, locals, outputs and module calls fit together: what `validate` would say if the provider were here."""

import re

import configuration
import pytest

FOLDERS = pytest.mark.parametrize("folder", configuration.folders(), ids=lambda folder: folder.name)
CALL_META_ARGUMENTS = {"source", "version", "providers", "count", "for_each", "depends_on"}


@FOLDERS
def test_a_variable_is_declared_and_used(folder):
    used = set(folder.sources(r"\bvar\.(\w+)"))
    assert used - set(folder.variables) == set(), "used and not declared"
    assert set(folder.variables) - used == set(), "declared and not used"


@FOLDERS
def test_a_local_is_declared_and_used(folder):
    used = set(folder.sources(r"\blocal\.(\w+)"))
    assert used - set(folder.locals) == set(), "used and not declared"
    assert set(folder.locals) - used == set(), "declared and not used"


@FOLDERS
def test_a_variable_has_a_type_and_a_description(folder):
    for name, variable in folder.variables.items():
        assert {"type", "description"} <= set(variable), f"{name} lacks one of them"
        assert configuration.plain(variable["type"]) not in ("${any}", "any"), f"{name} may be anything"
        # A variable that may be null says so by its default.
        assert variable.get("nullable") is False or variable.get("default", 0) is None, f"{name} may be null"
        for validation in variable.get("validation", []):
            assert f"var.{name}" in validation["condition"] and validation["error_message"]


@FOLDERS
def test_an_output_has_a_description(folder):
    for name, output in folder.outputs.items():
        assert "description" in output and "value" in output, name


@FOLDERS
def test_a_module_call_gives_what_the_module_takes(folder):
    for name, call in folder.calls.items():
        callee = folder.callee(name)
        assert callee.variables, f"{name}: {call['source']} is no module"
        given = {argument for argument in call if not argument.startswith("__")} - CALL_META_ARGUMENTS
        required = {variable for variable, body in callee.variables.items() if "default" not in body}
        assert given - set(callee.variables) == set(), f"{name}: the module does not take these"
        assert required - given == set(), f"{name}: the module needs these"


OBJECT_FIELD = re.compile(r"(?<![\w.])(\w+)\s*=\s*(optional\()?")


@FOLDERS
def test_an_object_has_the_fields_of_its_type(folder):
    """For objects that are written out, one level deep; the fields of nested types belong to those."""
    for name, call in folder.calls.items():
        for variable, value in call.items():
            declared = folder.callee(name).variables.get(variable, {}).get("type")
            if not isinstance(value, dict) or not str(declared).startswith("${object("):
                continue
            fields = top_level_fields(declared)
            given = {field for field in value if not field.startswith("__")}
            assert given - set(fields) == set(), f"{name}.{variable}: no such fields"
            assert {field for field, is_optional in fields.items() if not is_optional} - given == set(), f"{name}.{variable}"


def top_level_fields(declared):
    inner = declared[declared.index("{", 2) + 1: declared.rindex("}", 0, -1)]
    flat, depth = "", 0
    for character in inner:
        depth -= character in ")}]"
        flat += character if depth == 0 else ""
        depth += character in "({["
    return {name: bool(optional) for name, optional in OBJECT_FIELD.findall(flat)}


@FOLDERS
def test_a_module_reference_names_an_output(folder):
    for name, index, output in folder.sources(r"\bmodule\.(\w+)((?:\[[^\]]*\])?)\.(\w+)"):
        assert name in folder.calls, f"module.{name} is not called"
        assert output in folder.callee(name).outputs, f"module.{name} has no output {output}"
        is_many = "count" in folder.calls[name] or "for_each" in folder.calls[name]
        assert is_many == bool(index), f"module.{name}.{output}: an index if there are many, none if there is one"


@FOLDERS
def test_a_resource_is_referenced_with_an_index_if_there_are_many(folder):
    for block in folder.blocks:
        prefix = "data\\." if block.is_data else r"(?<!data\.)\b"
        is_many = "count" in block.body or "for_each" in block.body
        for index, attribute in folder.sources(rf"{prefix}{block.type}\.{block.name}((?:\[[^\]]*\])?)\.(\w+)"):
            assert is_many == bool(index), f"{block}.{attribute}"


def test_a_secret_is_nowhere():
    for folder in configuration.folders():
        assert not folder.sources(r"AKIA[0-9A-Z]{16}|(?i:secret_key|access_key|password)\s*="), folder.name
