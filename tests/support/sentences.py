"""Collect the sentences that users may see: every string of three words or more in the source.

Docstrings, SQL, code and patterns are left out. A value in an f-string is written in braces: by its
name if it is a name or an attribute, else as `{...}`. Parts of a sentence that the source puts
together are listed one by one.

Update the committed list after a change of wording: `python -m tests.support.sentences`.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.paths import ROOT

PACKAGES = ("schema", "trainer", "components", "pipeline", "kubeflow", "diptych")
CATALOGUE = ROOT / "tests" / "unit" / "sentences.txt"
LEAST_WORDS = 3
NOT_A_SENTENCE = re.compile(r"(SELECT|DELETE|CREATE|import |from \S+ import|0 0 |[(^<])")
IN_A_PATTERN = re.compile(r"\\[.\[(sdwS]|\(\?")


def source_files() -> list[Path]:
    """Return every source file of the product, sorted."""
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every sentence in a source file.

    Args:
        source: Python.
    """
    tree = ast.parse(source)
    skipped = {id(node) for node in (*_docstrings(tree), *_annotations(tree))}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        text = None if id(node) in skipped else _template(node)
        if text and _is_sentence(text.strip()):
            yield node.lineno, text  # type: ignore[attr-defined]


def _is_sentence(text: str) -> bool:
    if len(text.split()) < LEAST_WORDS or not text.replace("\n", " ").isprintable():
        return False
    return not NOT_A_SENTENCE.match(text) and not IN_A_PATTERN.search(text)


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _annotations(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None and not _is_typer_option(annotation):
                yield from ast.walk(annotation)


def _is_typer_option(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Call) for node in ast.walk(annotation))  # it has a help text


def _template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(_part(value) for value in node.values)


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    match node.value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return f"{{{name}}}"
        case _:
            return "{...}"


def catalogue(files: Iterable[Path]) -> list[str]:
    """Return the different sentences of source files, sorted, with line breaks as \\n."""
    texts = {text for file in files for _, text in sentences(file.read_text(encoding="utf-8"))}
    return sorted(text.replace("\n", "\\n") for text in texts)


def main() -> None:
    """Write the list that is committed."""
    CATALOGUE.write_text("".join(f"{text}\n" for text in catalogue(source_files())), "utf-8")


if __name__ == "__main__":
    main()
