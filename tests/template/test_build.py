"""What `sam build` makes: exactly the code that is meant to be deployed, for both architectures."""

from pathlib import Path

import pytest

from bedrock_alerts_cli.emulated.built_functions import LAMBDA_PYTHON

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.build

FUNCTIONS = (
    "CollectLogsFunction",
    "CollectObjectsFunction",
    "CollectStreamFunction",
    "ConfigureLoggingFunction",
    "RouteFunction",
    "DeliverFunction",
)
COMPILED = ("isal", "msgspec", "pybase64")
LAYERS = ("DependenciesLayerArm64", "DependenciesLayerX86", "SharedLayer")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_its_handler_and_nothing_else(built: Path, function: str) -> None:
    assert [path.name for path in (built / function).iterdir()] == ["handler.py"]


def test_the_shared_layer_is_the_package_and_nothing_else(built: Path) -> None:
    assert [path.name for path in (built / "SharedLayer" / "python").iterdir()] == [
        "bedrock_alerts"
    ]
    files = [path for path in (built / "SharedLayer/python").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} - {".pyc"} == {".py", ".json"}
    assert built / "SharedLayer/python/bedrock_alerts/invocations/prices.json" in files


@pytest.mark.parametrize(
    ("layer", "machine"),
    [("DependenciesLayerArm64", "aarch64"), ("DependenciesLayerX86", "x86_64")],
)
def test_the_dependencies_are_compiled_for_lambdas_python_and_the_layers_architecture(
    built: Path, layer: str, machine: str
) -> None:
    packages = built / layer / "python"
    for package in COMPILED:
        libraries = [path.name for path in (packages / package).rglob("*.so")]
        assert libraries, f"{package} is not compiled"
        for library in libraries:
            assert f"cpython-313-{machine}-linux-gnu" in library
    assert not (packages / "boto3").exists(), "Lambda's runtime brings boto3"
    assert not (packages / "bin").exists()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_compiled_so_that_a_cold_start_need_not(built: Path, layer: str) -> None:
    if not LAMBDA_PYTHON.exists():
        pytest.skip("needs python3.13 on this machine")
    packages = built / layer / "python"
    modules = list(packages.rglob("*.py"))
    assert modules
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        code = compiled.read_bytes()
        # Read as it is, whatever the time of the module's file: PEP 552, "unchecked hash-based".
        assert int.from_bytes(code[4:8], "little") == 1, compiled
        assert str(ROOT).encode() not in code, "a path of this machine"
        assert f"/opt/python/{module.relative_to(packages)}".encode() in code


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_brings_the_license(built: Path, layer: str) -> None:
    assert sorted(path.name for path in (built / layer).iterdir()) == [
        "LICENSE",
        "NOTICE",
        "python",
    ]
    for name in ("LICENSE", "NOTICE"):
        assert (built / layer / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_layers_fit_lambda_with_room_to_spare(built: Path) -> None:
    for layer in LAYERS:
        size = sum(path.stat().st_size for path in (built / layer).rglob("*") if path.is_file())
        # Lambda takes 250 MB unzipped; everything beyond a few MB would slow cold starts.
        assert size < 15_000_000
