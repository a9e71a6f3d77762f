"""Where a source can be mutated: clang's syntax tree says what is an operator, an index or a constant."""

import re
from dataclasses import dataclass
from pathlib import Path

from clang import cindex
from clang.cindex import CursorKind as Kind

OPERATORS = {
    "<": ("less", "<="), "<=": ("less_equal", "<"), ">": ("greater", ">="), ">=": ("greater_equal", ">"),
    "==": ("equal", "!="), "!=": ("unequal", "=="), "*": ("times", "+"), "/": ("divide", "*"), "%": ("remainder", "/"),
}  # fmt: skip
SIGNS = {"+": "-", "-": "+", "+=": "-=", "-=": "+="}
FUNCTIONS = (Kind.FUNCTION_DECL, Kind.FUNCTION_TEMPLATE, Kind.CXX_METHOD, Kind.CONSTRUCTOR, Kind.CONVERSION_FUNCTION)
EVALUATED_BY_COMPILER = (
    Kind.STATIC_ASSERT, Kind.ENUM_DECL, Kind.TYPE_ALIAS_DECL, Kind.TYPE_ALIAS_TEMPLATE_DECL, Kind.TYPEDEF_DECL,
    Kind.TEMPLATE_NON_TYPE_PARAMETER,
)  # fmt: skip
DECLARES_CONSTANTS = (Kind.DECL_STMT, Kind.VAR_DECL, Kind.UNEXPOSED_DECL, Kind.FUNCTION_DECL, Kind.FUNCTION_TEMPLATE)
ARGUMENT = re.compile(rb"<[\w\s:,*]*(<\w+>[\w\s:,*]*)*$"), re.compile(rb"[\w\s:,*<]*>")  # of a template: what is before it, and after it
PREFETCH = re.compile(rb"[\w.]*prefetch\w*\(")  # asks for memory, and neither reads nor writes a value
LEFT_OUT = {"&&": "left_out_of_and", "||": "left_out_of_or"}
AROUND = 0.5  # what wraps an operand lies around the operand's own edits, which are as long


@dataclass(frozen=True)
class Point:
    """One mutant: what is written where, with {id} in it, so that it can be chosen."""

    path: str
    function: str
    line: int
    column: int
    source: str  # the line's text: what finds the point again when lines have moved
    was: str
    becomes: str
    edits: tuple  # of (begin, end, text, length of the expression): text replaces [begin, end)


class Finder:
    def __init__(self, root, folders):
        self.root = Path(root)
        self.folders = [self.root / folder for folder in folders]
        self.texts, self.points, self.done, self.function = {}, {}, set(), ""

    def parse(self, source, arguments):
        """Collects the points of a source and of the headers that no source before it included."""
        unit = cindex.Index.create().parse(str(source), args=arguments)
        errors = [d for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if errors:
            raise SystemExit(f"{source}: {errors[0]}")
        seen = set()
        for cursor in unit.cursor.get_children():
            path = self.path_of(cursor)
            if path and path not in self.done:
                seen.add(path)
                self.walk(cursor, path, "")
        self.done |= seen

    def path_of(self, cursor):
        file = cursor.location.file
        path = Path(file.name).resolve() if file else None
        if not path or not any(folder in path.parents for folder in self.folders):
            return None
        if path not in self.texts:
            self.texts[path] = path.read_bytes()
        return path

    def walk(self, cursor, path, function):
        if cursor.kind in EVALUATED_BY_COMPILER:
            return
        if cursor.kind == Kind.CALL_EXPR and PREFETCH.match(self.texts[path], cursor.extent.start.offset):
            return
        if cursor.kind in FUNCTIONS:
            function = cursor.spelling
            if function.startswith("prefetch"):
                return
        if cursor.kind in DECLARES_CONSTANTS and {"constexpr", "consteval"} & set(first_words(cursor)):
            return
        self.function = function
        children = list(cursor.get_children())
        if cursor.kind == Kind.IF_STMT and "constexpr" in [t.spelling for t in cursor.get_tokens()][:2]:
            children = children[1:]
        self.look(cursor, children, path)
        for child in children:
            self.walk(child, path, function)

    def look(self, cursor, children, path):
        text = self.texts[path]
        begin, end = extent(cursor)
        if cursor.kind in (Kind.BINARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR) and len(children) == 2:
            self.binary(cursor, path, [extent(child) for child in children])
        elif cursor.kind == Kind.CALL_EXPR and cursor.spelling.startswith("operator") and len(children) == 3:
            left, right = extent(children[0]), extent(children[2])
            if cursor.spelling == "operator[]":
                self.subscript(cursor, path, right)
            else:
                self.binary(cursor, path, [left, right])
        elif cursor.kind == Kind.ARRAY_SUBSCRIPT_EXPR and len(children) == 2:
            self.subscript(cursor, path, extent(children[1]))
        elif cursor.kind == Kind.UNARY_OPERATOR and len(children) == 1:
            inner = extent(children[0])
            wraps = {b"-": "minus", b"!": "negation"}.get(text[begin : inner[0]].strip())
            if wraps:
                what = ((begin, inner[0], wrap(wraps), end - begin), (end, end, ")", end - begin))
                self.add(cursor, path, text[begin:end], text[inner[0] : inner[1]], what)
        elif cursor.kind in (Kind.INTEGER_LITERAL, Kind.FLOATING_LITERAL):
            becomes = b"next" if cursor.kind == Kind.INTEGER_LITERAL else b"double"
            length = end - begin - AROUND  # and around a constant lies whatever wraps it
            what = ((begin, begin, wrap("constant"), length), (end, end, ")", length))
            self.add(cursor, path, text[begin:end], becomes, what)
        elif cursor.kind in (Kind.DECL_REF_EXPR, Kind.OVERLOADED_DECL_REF):
            for was, name in ((b"std::min", "Min"), (b"std::max", "Max")):
                if text[begin : begin + len(was)] == was and not text[begin + len(was) : begin + len(was) + 1].isalnum():
                    stop = begin + len(was)
                    other = b"std::max" if name == "Min" else b"std::min"
                    self.add(cursor, path, was, other, ((begin, stop, f"::dra::mutation::{name}<{{id}}>::of", end - begin),))

    def binary(self, cursor, path, operands):
        (begin, left_end), (right_begin, end) = operands
        text = self.texts[path]
        between = text[left_end:right_begin]
        operator = between.strip().decode()
        if left_end > right_begin or not operator:
            return
        length = end - begin
        if operator in OPERATORS:
            name, other = OPERATORS[operator]
            edits = ((begin, begin, wrap(name), length), (left_end, right_begin, ", ", length), (end, end, ")", length))
        elif operator in SIGNS:
            other = SIGNS[operator]
            length = end - right_begin + AROUND
            edits = ((right_begin, right_begin, wrap("negated"), length), (end, end, ")", length))
        elif operator in LEFT_OUT:
            other = "only the right side of " + operator
            length = left_end - begin + AROUND
            edits = ((begin, begin, wrap(LEFT_OUT[operator]), length), (left_end, left_end, ")", length))
        else:
            return
        self.add(cursor, path, text[begin:end], other.encode(), edits)

    def subscript(self, cursor, path, index):
        begin, end = index
        if self.texts[path][begin:end] == b"0":
            return  # there is none before
        length = end - begin + AROUND
        what = ((begin, begin, wrap("index"), length), (end, end, ")", length))
        self.add(cursor, path, self.texts[path][slice(*extent(cursor))], b"index - 1", what)

    def add(self, cursor, path, was, becomes, edits):
        if any(begin > end or begin < 0 for begin, end, _, _ in edits) or self.in_macro(cursor, path):
            return
        where = cursor.location
        key = (str(path), edits)
        source = self.texts[path].splitlines()[where.line - 1].strip()
        if source.startswith(b"#pragma") or self.is_part_of_type(cursor, path):
            return
        self.points[key] = Point(str(path.relative_to(self.root)), self.function, where.line, where.column, source.decode(),
                                 was.decode(), becomes.decode(), edits)  # fmt: skip

    def is_part_of_type(self, cursor, path):
        """Whether it is an argument of a template, or what an array is declared to hold."""
        begin, end = extent(cursor)
        text = self.texts[path]
        line = text[text.rfind(b"\n", 0, begin) + 1 : begin]
        is_argument = ARGUMENT[0].search(line) and ARGUMENT[1].match(text, end)
        is_size = cursor.kind == Kind.INTEGER_LITERAL and re.match(rb"\s*(?!return)[\w:]+ \w+\[$", line)
        return bool(is_argument or is_size)

    def in_macro(self, cursor, path):
        """What a macro expands to cannot be edited where it is used."""
        begin, _ = extent(cursor)
        first = next(iter(cursor.get_tokens()), None)
        return first is None or first.extent.start.offset != begin or Path(first.location.file.name).resolve() != path


def first_words(cursor):
    """What a declaration begins with, before its name, its arguments or its value; constexpr functions may run late."""
    words = []
    for token in cursor.get_tokens():
        if token.spelling in ("=", "{", "("):
            break
        words.append("" if cursor.kind in FUNCTIONS and token.spelling == "constexpr" else token.spelling)
    return words


def extent(cursor):
    return cursor.extent.start.offset, cursor.extent.end.offset


def wrap(name):
    return f"::dra::mutation::{name}<{{id}}>("


def rewritten(text, points):
    """The text with the edits of all points, {number: Point}; edits that share a place nest as expressions do."""
    edits = [(b, e, t.replace("{id}", str(n)), length) for n, p in points.items() for b, e, t, length in p.edits]

    def order(edit):
        begin, end, text_, length = edit
        closes = text_ == ")"
        return (begin, 0 if closes else 1, length if closes else -length, end)

    out, at = [], 0
    for begin, end, new, _ in sorted(edits, key=order):
        if begin < at:
            raise ValueError(f"edits overlap at {begin}")
        out += [text[at:begin], new.encode()]
        at = end
    return b"".join(out + [text[at:]])
