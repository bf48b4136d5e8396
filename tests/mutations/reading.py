"""What of a C++ file is code, and how that is divided: into functions, and these into statements."""

import re
from dataclasses import dataclass

# Comments, strings, characters (the mark in 10'000 is none), and what is for the preprocessor.
NO_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\])*"|"""
                     r"""(?<![0-9A-Za-z])'(?:\\.|[^'\\])*'|(?m:^)[ \t]*\#(?:\\.|[^\n\\])*""", re.DOTALL)
OPENING, CLOSING = "([", ")]"
CONTROL = re.compile(r"(if|while|for|switch)\b(\s+constexpr)?\s*(?=\()")
BEFORE_BLOCK = re.compile(r"(\)|\]|;|\{|\}|:|\belse|\bdo|\btry|\bconst|\bmutable|\bnoexcept|^)\s*$")


@dataclass(frozen=True)
class Span:
    begin: int
    end: int

    def holds(self, at):
        return self.begin <= at < self.end


@dataclass(frozen=True)
class Function:
    name: str   # as it stands there: Ledger::offer
    body: Span  # between its braces


def code_of(text):
    """The text with blanks for what is no code: what is found in it stands at the same place there."""
    return NO_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def closing(code, at):
    """Where what is opened at `at` is closed."""
    depth = 0
    for end in range(at, len(code)):
        if code[end] in "([{":
            depth += 1
        elif code[end] in ")]}":
            depth -= 1
            if depth == 0:
                return end
    return len(code)


def functions(code):
    """Those of namespaces and classes, as Functions, in their order."""
    out = []
    at = header = 0
    while at < len(code):
        if code[at] == "{":
            head = code[header:at]
            name = re.search(r"([~\w]+(?:::[~\w]+)*)\s*\(", head)
            if name and "=" not in head[:name.start()]:
                end = closing(code, at)
                out.append(Function(name[1], Span(at + 1, end)))
                at = end
            elif not re.search(r"\b(namespace|struct|class)\b", head):
                at = closing(code, at)  # of an enumeration, or of what a constant is
            header = at + 1
        elif code[at] in ";}":
            header = at + 1
        at += 1
    return out


def statements(code, body):
    """The simple ones, as Spans with their semicolons: without what they are under, as the `if`."""
    out = []
    stack = [[body.begin, 0]]  # of each block: where its next statement begins; what is open in it
    at = body.begin
    while at < body.end:
        begin, depth = stack[-1]
        if code[at] == "{" and (depth == 0 or _is_lambda(code, at)):
            if BEFORE_BLOCK.search(code[max(body.begin, at - 40):at]):
                stack.append([at + 1, 0])
            else:  # of a value
                end = closing(code, at)
                at = end
        elif code[at] == "}" and len(stack) > 1:
            stack.pop()
            if stack[-1][1] == 0:
                stack[-1][0] = at + 1
        elif code[at] in OPENING:
            stack[-1][1] += 1
        elif code[at] in CLOSING:
            stack[-1][1] -= 1
        elif code[at] == ";" and depth == 0:
            simple = _without_controls(code, begin, at)
            if code[simple:at].strip():
                out.append(Span(simple, at + 1))
            stack[-1][0] = at + 1
        at += 1
    return out


def _is_lambda(code, at):
    before = code[max(0, at - 400):at].rstrip()
    if before.endswith("]"):
        return True
    if not before.endswith(")") and not before.endswith("mutable"):
        return False
    depth = 0
    for begin in range(before.rfind(")"), -1, -1):
        depth += {")": 1, "(": -1}.get(before[begin], 0)
        if depth == 0:
            return before[:begin].endswith("]")
    return False


def _without_controls(code, begin, end):
    at = begin
    while True:
        at += len(code[at:end]) - len(code[at:end].lstrip())
        word = re.compile(r"(else|do)\b|(case\b[^;]*?(?<!:):(?!:)|default\s*:)").match(code, at, end)
        control = CONTROL.match(code, at, end)
        if word:
            at = word.end()
        elif control:
            at = closing(code, control.end()) + 1
        else:
            return at


def around(code, at):
    """From the end of the statement or block before to the end of this one: what a site stands in."""
    begin = max(code.rfind(mark, 0, at) for mark in ";{}") + 1
    ends = [code.find(mark, at) for mark in ";{}"]
    return Span(begin, min(end for end in ends + [len(code)] if end != -1))
