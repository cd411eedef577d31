"""The README's sums are right, and use the prices that it lists; its table of modules is complete."""

import re

import configuration

PAGE = (configuration.TERRAFORM / "README.md").read_text()
COST = PAGE[PAGE.index("## Cost"):PAGE.index("## What a mistake reaches")]


def test_sums_are_right():
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| (\d+) \| ([^|]+) \| (\d+) \|$", COST, re.MULTILINE)
    assert len(rows) >= 10
    for formula, dollars in [row[:2] for row in rows] + [row[2:] for row in rows]:
        assert re.fullmatch(r"[\d.+×() ]+", formula), formula
        assert round(eval(formula.replace("×", "*"))) == int(dollars), formula  # Digits and operators only.


def test_sums_use_the_prices_that_are_listed():
    prices, sums = COST.split("| a month |")
    listed = set(re.findall(r"\b0\.\d+", prices))
    # The PUTs of a busy agent in an hour, from docs/scale.md.
    assert "$0.072 an hour" in (configuration.REPOSITORY / "docs/scale.md").read_text()
    assert set(re.findall(r"\b0\.\d+", sums)) - listed == {"0.072"}


def test_sums_are_of_the_environments():
    for environment in ("dev", "prod"):
        cluster = configuration.folder(configuration.TERRAFORM / "environments" / environment).calls["cluster"]
        machines = 3 * cluster["foundationdb"].get("machines_per_zone", 1)
        agents, compactors = cluster["gateway"]["min"], cluster["compactor"]["min"]
        assert f"{machines} × " in COST and f"{machines + agents + compactors} × 20 × 0.08" in COST


def test_every_module_is_in_the_tables():
    blast = PAGE[PAGE.index("## What a mistake reaches"):PAGE.index("## Upgrades")]
    for module in configuration.modules():
        name = module.name.removeprefix("modules/").split("/")[0]
        assert f"modules/{name}`" in PAGE, name
        assert re.search(rf"\b{name}\b", blast), name


def test_what_the_page_names_is_there():
    for path in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (configuration.TERRAFORM / path).exists(), path
