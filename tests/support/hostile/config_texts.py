"""Files that hold no config, as an attacker or an accident writes them, by kind."""

from collections.abc import Iterator


def bomb(levels: int, first: str, each: str) -> str:
    """Aliases of aliases: half a kilobyte that stands for 9 to the power of `levels` values."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        nine = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} {each.format(nine)}")
    return "\n".join(lines) + "\n"


def texts(good: str) -> Iterator[tuple[str, bytes]]:
    """Files whose text is wrong, each with the kind of its fault.

    Args:
        good: a config that is accepted.
    """
    written: dict[str, tuple[str, ...]] = {
        "yaml bomb": tuple(
            bomb(n, first, each) + good
            for n in (8, 12, 40)
            for first, each in (("[x, y]", "[{}]"), ("{x: 1}", "{{<<: [{}]}}"))
        ),
        "long text in aliases": (
            f"a: &a {'x' * 90_000}\nb: [{'*a, ' * 9000}]\n" + good,
        ),
        "alias of itself": (
            *("a: &a [*a]\n", "data: &a {path: *a}\n", "&a {<<: *a}", "a: &a {b: [*a]}"),
        ),
        "deep nesting": (
            *("[" * n for n in (100, 3000, 100_000)),
            *("{a: " * n for n in (100, 3000, 30_000)),
            "- " * 5000,
            "\n".join(" " * n + "a:" for n in range(450)),
            "? " * 3000,
            good + "extra: " + "[" * 500 + "]" * 500,
        ),
        "strange keys": (
            *(f"{key}: 1\n{good}" for key in ("1", "1.5", "true", "~", "2001-01-01", ".nan", "=")),
            *(f"? {key}\n: 1\n{good}" for key in ("[a, b]", "{a: b}", "[]", "!!set {a}")),
            "x" * 5000 + ": 1\n" + good,
            '"a\\nb": 1\n' + good,
            '"\\e[31m": 1\n' + good,
            "&a a: 1\n*a : 2\n",
        ),
        "numbers": tuple(
            good.replace("epochs: 72", f"epochs: {number}")
            for number in (
                *("9" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000, "0b" + "1" * 9000),
                *("1" + ":1" * 5000, "1" + ":1" * 5000 + ".0", "1e999", "-1e999", ".nan", ".inf"),
                *("0", "-0", "1e400000", "9223372036854775808", "2147483648", "1.0", "0o17", "1e2"),
                *("0." + "1" * 5000, "١٢", "½", "1 000", "10**9"),
            )
        ),
        "dates": tuple(
            good.replace("epochs: 72", f"epochs: {date}")
            for date in ("2001-99-99", "2001-02-30 25:61:61", "0000-00-00", "2001-01-01T00:00:00Z")
        ),
        "tags": tuple(
            f"extra: {tag}\n{good}"
            for tag in (
                *("!!python/object/apply:os.system [touch /tmp/no]", "!!python/name:os.system x"),
                *("!!python/object/new:type [a, b]", "!!binary aGk=", "!!binary '?'", "!!set {a}"),
                *("!!omap [a: 1]", "!!pairs [a: 1]", "!!timestamp 2001-01-01", "!!timestamp x"),
                *("!!int x", "!!float x", "!!bool x", "!!null x", "!x 1", "!<tag:x,20:y> 1", "! 1"),
                *("!!map [1]", "!!seq {a: 1}", "!" + "x" * 5000 + " 1", "!!merge <<", "!include x"),
            )
        ),
        "duplicate keys": (good + "name: other\n", good + "data: {}\n", "a: {b: 1, b: 2}\n" + good),
        "documents": (
            *(good + "---\n" + good, good + "---\n", "---\n---\n", "...\n...\n", "--- |\n x"),
        ),
        "nothing": (
            *("", "\n\n", "# a comment", "~", "[]", "text", "5", "{}", "---", "%YAML 1.1\n---\n"),
        ),
        "merge keys": (
            "base: &b {size: 32}\n" + good,
            good.replace("image: {size: 32}", "image: &i {<<: {size: 32}}"),
            good.replace("image: {size: 32}", "image: {<<: 5}"),
            good.replace("image: {size: 32}", "image: {<<: [{size: 32}, {size: 64}]}"),
            good.replace("image: {size: 32}", "image: <<"),
            "<<: {a: 1}\n" + good,
        ),
        "syntax": (
            *("a: [", "a: {", "a: 'b", 'a: "b', "a: *b", "a: &", "\ta: 1", "a:\n\tb: 1", "@a: 1"),
            *("%", "%YAML 9.9\n---\na", "%TAG ! x:\n---\n!y 1", "a: |5\n b", "a: >-9\n x", "`"),
            *("a: b: c", "[a]]", "a" + ": " * 900, "!", "&a", "*", "? ? ?", "a: !<", "a: 'x\ny"),
        ),
        "long lines": (
            good + "extra: " + "x" * 90_000,
            good + "extra: " + "x" * 900_000,
            good + "extra: [" + "1, " * 30_000 + "]",
            good + "".join(f"key_{n}: {n}\n" for n in range(5000)),
            good + "extra: {" + ", ".join(f"&a{n} k{n}: 1" for n in range(4000)) + "}",
        ),
    }  # fmt: skip
    for kind, each in written.items():
        yield from ((kind, text.encode()) for text in each)
    yield from (("bytes", content) for content in raw(good))


def raw(good: str) -> Iterator[bytes]:
    """Files that are not UTF-8, or hardly text."""
    text = good.encode()
    yield text.replace(b"name: emoji", b"name: caf\xe9")
    yield good.encode("utf-8-sig")
    yield from (good.encode(code) for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"))
    yield text.replace(b"\n", b"\r")
    yield text.replace(b"\n", b"\r\n")
    yield text.replace(b"\n", "\u2028".encode())
    yield from (text + bytes([byte]) for byte in (0, 7, 27, 0x7F, 0x80, 0xFF))
    yield text + b"\xed\xa0\x80"  # half of a surrogate pair
    yield text + "extra: \u202egnp.exe\n".encode()
    yield b"\0" * 1000
    yield b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100
    yield b"\x1f\x8b" + text
    yield bytes(range(256))
