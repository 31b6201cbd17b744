"""What CI systems read as JUnit: the structure of Jenkins' junit-10.xsd, in which others agree."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

NUMBER = re.compile(r"\d+").fullmatch
DECIMAL = re.compile(r"\d+(\.\d+)?").fullmatch
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?").fullmatch


def anything(text: str) -> bool:
    return True


Form = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Element:
    """`children` in their order; one that ends with "?" comes at most once."""

    required: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, Form], ...] = ()
    children: tuple[str, ...] = ()
    has_text: bool = False


_COUNTS = tuple((name, NUMBER) for name in ("tests", "failures", "errors", "skipped", "disabled"))
_OUTPUT = ("system-out", "system-err")

ELEMENTS = {
    "testsuites": Element(attributes=(("name", anything), ("time", DECIMAL), *_COUNTS), children=("testsuite",)),
    "testsuite": Element(
        frozenset({"name", "tests"}),
        (
            *(("name", anything), ("time", DECIMAL), ("timestamp", INSTANT), ("hostname", anything)),
            *(("id", anything), ("package", anything), *_COUNTS),
        ),
        ("properties?", "testcase", *_OUTPUT),
    ),
    "properties": Element(children=("property",)),
    "property": Element(frozenset({"name", "value"}), (("name", anything), ("value", anything))),
    "testcase": Element(
        frozenset({"name"}),
        (
            *(("name", anything), ("classname", anything), ("time", DECIMAL)),
            *(("assertions", NUMBER), ("status", anything)),
        ),
        ("skipped?", "error", "failure", *_OUTPUT),
    ),
    "skipped": Element(attributes=(("message", anything),), has_text=True),
    "error": Element(attributes=(("type", anything), ("message", anything)), has_text=True),
    "failure": Element(attributes=(("type", anything), ("message", anything)), has_text=True),
    "system-out": Element(has_text=True),
    "system-err": Element(has_text=True),
}


def objections(root: ElementTree.Element) -> list[str]:
    """What a reader would stumble over; [] = it is JUnit."""
    found = [] if root.tag in ("testsuites", "testsuite") else [f"the document is a {root.tag}"]
    for element in root.iter():
        found += _objections(element)
    for suite in root.iter("testsuite"):
        found += _miscounted(suite)
    return found


def _objections(element: ElementTree.Element) -> list[str]:
    known = ELEMENTS.get(element.tag)
    if known is None:
        return [f"there is no {element.tag}"]
    forms = dict(known.attributes)
    found = [f"{element.tag} lacks {name}" for name in sorted(known.required - set(element.attrib))]
    found += [f"{element.tag} has no {name}" for name in element.attrib if name not in forms]
    found += [
        f"{element.tag} {name}={value!r}" for name, value in element.items() if name in forms and not forms[name](value)
    ]
    found += [f"{element.tag} has text"] * bool(not known.has_text and (element.text or "").strip())
    order = [each.rstrip("?") for each in known.children]
    tags = [child.tag for child in element]
    found += [f"{tag} in {element.tag}" for tag in tags if tag not in order]
    places = [order.index(tag) for tag in tags if tag in order]
    found += [f"{element.tag}: {tags} are out of order"] * (places != sorted(places))
    once = [each.rstrip("?") for each in known.children if each.endswith("?")]
    return found + [f"several {tag} in {element.tag}" for tag in once if tags.count(tag) > 1]


def _miscounted(suite: ElementTree.Element) -> list[str]:
    counted = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    return [
        f"{name} says {suite.get(name)}, it has {count}"
        for name, count in counted.items()
        if suite.get(name) not in (None, str(count))
    ]
