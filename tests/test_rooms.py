"""Imports go down only: a reading of every import in the package, with `ast`.

A room is a module or a package with a place in the house. The front doors (`__init__.py`) only
re-export, so they may open any room below them; to import from a front door is to see everything
behind it.
"""

import ast
import graphlib
from pathlib import Path

import pytest

import skmlp

# Inside the core a room sees the floors below its own and the ground, on which all stand. On its
# own floor it sees nothing; a layer, which is a room of its own, sees the contract that it fulfils.
GROUND = "buffers"
CORE_FLOORS = (
    {"buffers", "stacking", "rows", "scatter", "initializers", "activations", "schedules"},
    {"layers", "losses", "optimizers", "penalties", "rowspace"},
    {"network", "batches", "history"},
    {"training"},
    {"callbacks", "lbfgs"},
)
# The stem is a dense layer with another door, so it holds one; so with dropout of inputs.
CONTRACTS = {"layers": {"core.layers.base", "core.layers.dense", "core.layers.dropout"}}

# Outside the core a room sees these houses beside its own modules.
SEES = {
    "core": set(),
    "preprocessing": set(),
    "estimators": {"core", "preprocessing"},
    "model_selection": {"core", "preprocessing", "estimators"},
    "datasets": {"core", "preprocessing", "estimators", "model_selection"},
    "inspection": {"core", "preprocessing", "estimators", "model_selection"},
    "export": {"core", "preprocessing", "estimators", "model_selection"},
    "language": {"core", "preprocessing", "estimators", "model_selection"},
}

# The command line is a visitor: it comes in by the front door and sees what any caller sees.
VISITORS = {"__main__", "_command", "_peers"}

# Other people's libraries that a house must not know.
STRANGERS = {"core": {"sklearn", "pandas", "polars", "pyarrow", "joblib", "matplotlib"}}

FLOOR = {room: floor for floor, rooms in enumerate(CORE_FLOORS) for room in rooms}


def modules(package: Path) -> dict[str, Path]:
    """Name every module of a package by its path below it; the front door of `a/b` is `a.b`."""
    named = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imports(package: Path, module: str, path: Path, known: set[str]) -> list[str]:
    """List what a module imports: rooms of the package as `.room`, strangers as `name`."""
    is_door = path.name == "__init__.py"
    here = [package.name, *filter(None, module.split("."))]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            climb = node.level - is_door
            base = here[: len(here) - climb] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            names = [_module_named(origin, alias.name, package.name, known) for alias in node.names]
        else:
            continue
        found += [_relative(name, package.name) for name in names]
    return found


def _module_named(origin: str, name: str, top: str, known: set[str]) -> str:
    """Tell `from package import module` from `from module import thing`."""
    full = f"{origin}.{name}"
    return full if full.removeprefix(f"{top}.") in known else origin


def _relative(name: str, top: str) -> str:
    inside = name == top or name.startswith(f"{top}.")
    return "." + name[len(top) + 1 :] if inside else name


def forbidden(module: str, target: str) -> str | None:
    """Say why a room may not import a target, or None."""
    house = module.split(".")[0]
    if not target.startswith("."):
        stranger = target.split(".")[0]
        return f"{house} must not know it" if stranger in STRANGERS.get(house, ()) else None
    target = target[1:]
    target_house = target.split(".")[0]
    if not target:
        return "the front door shows the whole house"
    if house != target_house:
        return None if target_house in SEES[house] else f"{house} does not see {target_house}"
    return _forbidden_in_core(module, target) if house == "core" else None


def _forbidden_in_core(module: str, target: str) -> str | None:
    if target == "core":
        return "the front door shows the whole core"
    room, other = module.split(".")[1], target.split(".")[1]
    if room == other and target in CONTRACTS.get(room, {target}):
        return None
    if other not in FLOOR:
        return f"core.{other} has no floor: give it one in CORE_FLOORS"
    if FLOOR[other] < FLOOR[room] or other == GROUND:
        return None
    return f"floor {FLOOR[room]} must not import from floor {FLOOR[other]}"


def climbs(package: Path) -> list[str]:
    """Complain of every import in a package that does not go down."""
    named = modules(package)
    complaints = []
    for module, path in named.items():
        if not module:  # the front door of the whole house opens any room
            continue
        house, *rooms = module.split(".")
        if house in VISITORS:
            continue
        if house not in SEES:
            complaints.append(f"{module}: no such house: give it a line in SEES")
            continue
        if house == "core" and rooms and rooms[0] not in FLOOR:
            complaints.append(f"{module}: no floor: give it one in CORE_FLOORS")
            continue
        for target in imports(package, module, path, set(named)):
            own = path.name == "__init__.py" and f"{target}.".startswith(f".{module}.")
            reason = None if own else forbidden(module, target)
            if reason:
                complaints.append(f"{module} imports {target}: {reason}")
    return complaints


def circle(package: Path) -> list[str]:
    """Find modules that import each other in a ring, or none."""
    named = modules(package)
    graph = {
        f".{module}": {t for t in imports(package, module, path, set(named)) if t[1:] in named}
        for module, path in named.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_imports_go_down():
    assert climbs(Path(skmlp.__file__).parent) == []


def test_imports_do_not_go_round():
    assert circle(Path(skmlp.__file__).parent) == []


def test_a_circle_is_seen(tmp_path):
    package = house_with(tmp_path, "core.layers.base", "from .dense import Dense")
    assert circle(package) == []
    package.joinpath("core", "layers", "dense.py").write_text("from .base import Layer")
    assert len(circle(package)) == 3


def house_with(folder: Path, module: str, source: str) -> Path:
    """Build a small house of empty rooms, with one room that holds a line of source."""
    rooms = [f"core.{room}" for room in FLOOR if room not in ("layers", "optimizers")]
    rooms += ["core.layers.base", "core.layers.dense", "core.layers.norm"]
    rooms += ["core.optimizers.__init__", "core.optimizers.step", "core.optimizers.chain"]
    rooms += [f"{house}.inside" for house in SEES if house != "core"]
    rooms += ["__init__", "core.layers.__init__", *(f"{house}.__init__" for house in SEES)]
    package = folder / "house"
    for room in rooms:
        path = package.joinpath(*room.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source if room == module else "")
    return package


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.buffers", "from house.core import activations"),
        ("core.activations", "from .losses import Loss"),
        ("core.losses", "from house.core.optimizers import Adam"),
        ("core.losses", "def late():\n    from .layers.dense import Dense"),
        ("core.layers.dense", "from .norm import BatchNorm"),
        ("core.layers.dense", "from ..losses import Loss"),
        ("core.layers.dense", "from . import Dense"),
        ("core.penalties", "import house.core.network as network"),
        ("core.network", "from .training import train"),
        ("core.training", "from .callbacks import EarlyStopping"),
        ("core.training", "from . import train"),
        ("core.training", "import numpy, pandas.api.types"),
        ("core.batches", "from sklearn.utils import shuffle"),
        ("core.network", "from ..estimators.inside import anything"),
        ("core.network", "import house"),
        ("preprocessing.inside", "from ..core.buffers import Layout"),
        ("estimators.inside", "from house.datasets import anything"),
        ("estimators.inside", "from .. import export"),
        ("model_selection.inside", "from house import inspection"),
        ("core.layers.__init__", "from ..losses import Loss"),
        ("estimators.__init__", "from ..datasets import anything"),
    ],
)
def test_a_climb_is_seen(tmp_path, module, source):
    complaints = climbs(house_with(tmp_path, module, source))
    assert len(complaints) == 1
    assert complaints[0].startswith(f"{module.removesuffix('.__init__')} imports ")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.layers.dense", "from .base import Layer\nfrom ..activations import Relu"),
        ("core.losses", "import numpy as np\nfrom . import activations"),
        ("core.optimizers.chain", "from .step import Step\nfrom ..buffers import Layout"),
        ("core.network", "from house.core.layers import Dense"),
        ("core.callbacks", "from .training import State"),
        ("core.lbfgs", "import scipy.optimize\nfrom .network import Network"),
        ("preprocessing.inside", "import pandas as pd"),
        ("estimators.inside", "from ..core.training import train\nimport sklearn.base"),
        ("export.inside", "from house.estimators import anything"),
        ("core.layers.__init__", "from .dense import Dense\nfrom . import norm"),
        ("core.__init__", "from .training import train"),
        ("__init__", "from .datasets import anything"),
    ],
)
def test_a_step_down_is_let_pass(tmp_path, module, source):
    assert climbs(house_with(tmp_path, module, source)) == []


@pytest.mark.parametrize("module", ["core.attic", "shed.inside"])
def test_a_room_without_a_place_is_seen(tmp_path, module):
    package = house_with(tmp_path, module, "")
    path = package.joinpath(*module.split(".")).with_suffix(".py")
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert len(climbs(package)) == 1
