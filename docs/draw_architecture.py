"""Draw the folders of the source tree and their imports: `python docs/draw_architecture.py`.

Writes `docs/architecture.svg`. A row is a package; a row imports only from rows below it. In a row,
a folder imports only from folders to its left. `--check` fails if the picture is out of date.
"""

import ast
import html
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
PACKAGES = ("diptych", "kubeflow", "pipeline", "components", "trainer", "schema")  # top to bottom
WIDTH, HEIGHT, GAP, LEFT = 148, 34, 10, 120  # pixels: a box, the space around it, the names


def modules() -> dict[str, Path]:
    """Return the files of all packages by their dotted names."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of ours that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from (each for each in (name, node.module) if each in known)


def box_of(module: str, path: Path) -> str:
    """Return the folder that a module is drawn in: `trainer`, or `trainer.losses`."""
    parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    return ".".join(parts[:2])


def graph() -> dict[str, set[str]]:
    """Return for each folder those that it imports from, itself left out."""
    known = modules()
    boxes = {module: box_of(module, path) for module, path in known.items()}
    arrows: dict[str, set[str]] = {box: set() for box in boxes.values()}
    for module, path in known.items():
        arrows[boxes[module]] |= {boxes[name] for name in imports(path, known)}
    return {box: found - {box} for box, found in arrows.items()}


def levels(boxes: list[str], arrows: dict[str, set[str]]) -> dict[str, int]:
    """Return the column of each folder of a package: right of all that it imports from.

    The files that lie directly in a package, drawn as the package itself, come last.
    """
    column: dict[str, int] = {}

    def place(box: str, above: tuple[str, ...] = ()) -> int:
        if box not in column:
            inner = [b for b in arrows[box] if b in boxes and b not in above and "." in b]
            column[box] = 1 + max((place(b, (*above, box)) for b in inner), default=-1)
        return column[box]

    for box in boxes:
        if "." in box:
            place(box)
    used: dict[int, list[str]] = {}
    for box in sorted(column, key=lambda box: (column[box], box)):
        used.setdefault(column[box], []).append(box)
    order = [box for level in sorted(used) for box in used[level]]
    return {box: number for number, box in enumerate([*order, *(b for b in boxes if "." not in b)])}


def draw() -> str:
    """Return the picture as SVG."""
    arrows = graph()
    rows, y = [], GAP
    per_row = 6
    for package in PACKAGES:
        boxes = sorted(box for box in arrows if box.split(".")[0] == package)
        columns = levels(boxes, arrows)
        lines = (len(boxes) + per_row - 1) // per_row
        height = lines * (HEIGHT + GAP) + GAP
        rows.append(
            f'<rect class="row" x="4" y="{y}" width="{LEFT + per_row * (WIDTH + GAP)}" '
            f'height="{height}" rx="6"/>'
            f'<text class="package" x="16" y="{y + height / 2 + 5}">{package}/</text>'
        )
        for box, number in columns.items():
            x = LEFT + number % per_row * (WIDTH + GAP)
            top = y + GAP + number // per_row * (HEIGHT + GAP)
            name = f"{box.split('.')[1]}/" if "." in box else "files beside them"
            title = "imports " + (", ".join(sorted(arrows[box])) or "nothing of ours")
            rows.append(
                f"<g><title>{html.escape(box)} {html.escape(title)}</title>"
                f'<rect class="folder" x="{x}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="4"/>'
                f'<text x="{x + WIDTH / 2}" y="{top + 22}">{html.escape(name)}</text></g>'
            )
        y += height + GAP
    style = (
        ".row{fill:#f3f4f6;stroke:#d1d5db}.folder{fill:#fff;stroke:#6b7280}"
        "text{font:13px sans-serif;text-anchor:middle;fill:#111827}"
        ".package{font-weight:bold;text-anchor:start}"
    )
    width = LEFT + per_row * (WIDTH + GAP) + 8
    body = "\n".join(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
        f'viewBox="0 0 {width} {y}"><style>{style}</style>\n{body}\n</svg>\n'
    )


def main() -> int:
    """Write the picture, or with `--check` compare it with the one that is there."""
    if "--check" in sys.argv:
        current = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
        if current != draw():
            print(f"{PICTURE.name} is out of date: run `python docs/draw_architecture.py`")  # noqa: T201 a program
            return 1
        return 0
    PICTURE.write_text(draw(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
