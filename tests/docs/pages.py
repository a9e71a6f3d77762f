"""The pages of the project, and what stands in them: blocks of code, prose without it, command lines."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "cli", "cuda", "distributed", "docs", "reference", "tests")

FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.M | re.S)
PROGRAMS = r"\./dra|\./run|python3?|venv/bin/python|cmake|mkdir|build/\S+|tests/\S+"
COMMAND = re.compile(rf"(?:\w+=\S+ )*(?:{PROGRAMS})(?= |$)")


def pages():
    """Every page, by its path in the tree."""
    found = [ROOT / "README.md", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.md")))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in found}


def blocks(page, *languages):
    return [code for language, code in FENCE.findall(page) if language in languages]


def prose(page):
    """The page without code, in blocks or in a line."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page))


def lines(block):
    """A block's lines, of which one that ends with a backslash goes on in the next."""
    return re.sub(r"\s*\\\n\s*", " ", block).splitlines()


def without_remark(line):
    """A command line without what is said of it behind three spaces or a #."""
    return re.split(r" {3,}| +# ", line)[0].strip()


def commands(page):
    """The command lines in blocks, as they would be typed."""
    return [without_remark(line) for block in blocks(page, "", "sh") for line in lines(block) if COMMAND.match(line)]


def mentions(page):
    """Calls of the program in the middle of a sentence."""
    return re.findall(r"`(\./dra [^`\n]*)`", FENCE.sub("", page))
