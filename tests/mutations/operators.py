"""The small changes that are made to code. Each finds its places in what reading.py says is code."""

import re
from dataclasses import dataclass

from reading import Span, closing, statements

RELATIONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
SUMS = {"+": "-", "-": "+", "+=": "-=", "-=": "+="}
# The formatter puts blanks around operators of two sides, and none inside of < > of templates.
TWO_SIDED = re.compile(r"(?<=[^\s,(] )(<=|>=|==|!=|<|>|&&|\|\||\+=|-=|\+|-)(?=\s)")
STEP = re.compile(r"\+\+|--")
NUMBER = re.compile(r"(?<![\w.'])(\d[\d']*)(?=[uUlL]*(?![\w.']))")
TRUTH = re.compile(r"\b(true|false)\b")
CONDITION = re.compile(r"\b(?:if|while)\s*(?=\()")
NAMED = re.compile(r"\bbool (\w+)\s*=\s")  # as conditions are named here
DECLARES = re.compile(r"(?:const|constexpr|auto|static|using|typename|struct)\b|"
                      r"[\w:]+(?:<[^;]*?>)?\s*[&*]*\s+[&*]*\w+\s*(?:=[^=]|;|\{|\(|,|\[)")


@dataclass(frozen=True)
class Change:
    operator: str
    where: Span
    put: str


def changes(code, body):
    """All that the operators make of one function's body, in the order of its text."""
    out = []
    for each in (_conditions, _two_sided, _steps, _numbers, _truths, _statements):
        out += each(code, body)
    return sorted(out, key=lambda change: (change.where.begin, change.operator))


def apply(text, change):
    return text[:change.where.begin] + change.put + text[change.where.end:]


def _conditions(code, body):
    for found in CONDITION.finditer(code, body.begin, body.end):
        begin, end = found.end() + 1, closing(code, found.end())
        if ";" in code[begin:end]:
            begin = code.rindex(";", begin, end) + 1
            begin += len(code[begin:end]) - len(code[begin:end].lstrip())
        condition = code[begin:end]
        if not re.search(r"(?<![=!<>])=(?!=)", condition):  # else it declares what it looks at
            yield Change("condition negated", Span(begin, end), f"!({condition.strip()})")
    for found in NAMED.finditer(code, body.begin, body.end):
        end = _end_of_statement(code, found.end())
        condition = code[found.end():end]
        yield Change("condition negated", Span(found.end(), end), f"!({condition.strip()})")


def _end_of_statement(code, at):
    while code[at] != ";":
        at = closing(code, at) + 1 if code[at] in "([{" else at + 1
    return at


def _two_sided(code, body):
    for found in TWO_SIDED.finditer(code, body.begin, body.end):
        was = found[1]
        for operator, table in (("relation", RELATIONS), ("and/or", LOGIC), ("plus/minus", SUMS)):
            if was in table:
                yield Change(operator, Span(*found.span()), table[was])


def _steps(code, body):
    for found in STEP.finditer(code, body.begin, body.end):
        yield Change("plus/minus", Span(*found.span()), "--" if found[0] == "++" else "++")


def _numbers(code, body):
    for found in NUMBER.finditer(code, body.begin, body.end):
        more = int(found[1].replace("'", ""), 0) + 1
        yield Change("off by one", Span(*found.span(1)), str(more))


def _truths(code, body):
    for found in TRUTH.finditer(code, body.begin, body.end):
        yield Change("true/false", Span(*found.span()), "false" if found[0] == "true" else "true")


def _statements(code, body):
    for span in statements(code, body):
        simple = code[span.begin:span.end]
        if DECLARES.match(simple) and not re.match(r"(return|throw|delete|co_return)\b", simple):
            continue
        is_last = not code[span.end:body.end].strip()
        if not (is_last and simple.startswith("return")):
            yield Change("statement deleted", span, ";")
