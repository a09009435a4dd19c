"""What the classes of a Python file say, read from its source without running it.

Just enough of Python for constants, f-strings and small methods. Settings count as not given: a look-up with a
default is its default, and an ``if`` has its ``else`` side last. What stays unknown is ``*``.
"""

import ast
from collections import ChainMap
from collections.abc import Iterable, Iterator
from pathlib import Path

UNKNOWN = "*"
Names = ChainMap[str, str | ast.FunctionDef]


def classes(path: Path) -> Iterator[Names]:
    """The names of each class of a file, those of the file behind them."""
    body = ast.parse(path.read_bytes()).body
    module = _run(body, _imported(body, path.parent))
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield _run(statement.body, module.new_child())


def member(names: Names, name: str, arguments: Iterable[str] = ()) -> str:
    """The text of an attribute or of a property, or what a method returns for texts as arguments."""
    found = names.get(name, UNKNOWN)
    if isinstance(found, str):
        return found
    parameters = [argument.arg for argument in found.args.args[1:]]
    inner = names.new_child(dict(zip(parameters, arguments, strict=False)))
    for statement in found.body:
        if isinstance(statement, ast.Return) and statement.value is not None:
            return _text(statement.value, inner)
        _run([statement], inner)
    return UNKNOWN


def _imported(body: list[ast.stmt], folder: Path) -> Names:
    """What is imported from files of the same folder."""
    names: Names = ChainMap()
    for statement in body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            *_, parent, file = ("", *statement.module.split("."))
            if parent == folder.name and (folder / f"{file}.py").is_file():
                other = _run(ast.parse((folder / f"{file}.py").read_bytes()).body, ChainMap())
                names.update({alias.name: other[alias.name] for alias in statement.names if alias.name in other})
    return names


def _run(body: Iterable[ast.stmt], names: Names) -> Names:
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = _text(value, names)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names[name] = _text(value, names)
            case ast.FunctionDef(name=name):
                names[name] = statement
            case ast.If(body=then, orelse=otherwise):
                _run([*then, *otherwise], names)
    return names


def _text(value: ast.expr, names: Names) -> str:
    match value:
        case ast.Constant(value=str(text)):
            found = text
        case ast.Name(id=name):
            known = names.get(name)
            found = known if isinstance(known, str) else UNKNOWN
        case ast.JoinedStr(values=parts):
            found = "".join(_text(part, names) for part in parts)
        case ast.FormattedValue(value=inner) | ast.IfExp(orelse=inner):
            found = _text(inner, names)
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            found = member(names, name)
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
            found = _text(default, names) or UNKNOWN
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name), args=arguments):
            found = member(names, name, [_text(argument, names) for argument in arguments])
        case _:
            found = UNKNOWN
    return found
