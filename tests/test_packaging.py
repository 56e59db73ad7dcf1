"""What a distribution promises: types for whoever installs it. The built files themselves are tried by .ci/run."""

from __future__ import annotations

import ast

import whence
from tests.conftest import REPOSITORY


def test_the_stubs_of_the_public_face_name_what_it_exports() -> None:
    stub = ast.parse((REPOSITORY / "whence-stubs" / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.asname: node.module for node in imports for alias in node.names if alias.name == alias.asname}
    [exported] = [ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign)]
    assert sorted(homes) == exported == whence.__all__
    for name, module in homes.items():
        home = getattr(whence, name)
        assert getattr(home, "__module__", "data.version") == module, f"{name} comes from elsewhere"


def test_every_room_says_that_it_is_typed() -> None:
    for room in ("data", "backbone", "detectors", "fusion"):
        assert (REPOSITORY / room / "py.typed").is_file()
