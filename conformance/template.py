"""Requests written as text with {placeholders}, and what is read out of their answers. Pure."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)(\|text)?\}")
_ENVIRONMENT = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


class BadTemplate(Exception):
    """A placeholder without a value, or an expression that cannot be read; a sentence without its place."""


def placeholders(template: object) -> frozenset[str]:
    """The names of all placeholders in a template of any depth."""
    if isinstance(template, str):
        return frozenset(match[1] for match in _PLACEHOLDER.finditer(template))
    if isinstance(template, Mapping):
        return frozenset().union(*(placeholders(value) for value in template.values()))
    if isinstance(template, list | tuple):
        return frozenset().union(*(placeholders(value) for value in template))
    return frozenset()


def fill(template: Any, values: Mapping[str, object]) -> Any:
    """The template with its values; a placeholder without a value stays as it was.

    A text that is one placeholder takes the value as it is (a number stays one); "{amount_vnd|text}" makes it
    text.
    """
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, Mapping):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(value, values) for value in template]
    return template


def fill_path(template: str, values: Mapping[str, object]) -> str:
    """The same for an address below the base URL: values are percent-encoded."""
    quoted = {name: quote(as_word(value), safe="") for name, value in values.items()}
    return _in_text(template, quoted)


def as_word(value: object) -> str:
    """A value inside a longer text: None is empty, true and false are JSON's."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def with_environment(template: Any) -> Any:
    """The template with every {env:NAME} filled in. Raises BadTemplate for a variable that is not set."""
    if isinstance(template, str):
        return _ENVIRONMENT.sub(_environment_value, template)
    if isinstance(template, dict):
        return {key: with_environment(value) for key, value in template.items()}
    if isinstance(template, list):
        return [with_environment(value) for value in template]
    return template


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer to read values out of; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    text: str


def check_expression(expression: str) -> None:
    """Raises BadTemplate for an expression that `read` could not use."""
    kind, _, rest = expression.partition(":")
    try:
        if kind == "regex":
            if re.compile(rest).groups != 1:
                raise BadTemplate(f"{expression!r} needs exactly one (group)")
        elif kind != "header":
            jmespath.compile(expression)
    except re.error as error:
        raise BadTemplate(f"{expression!r} is not a regular expression: {error}") from error
    except JMESPathError as error:
        raise BadTemplate(f"{expression!r} is not JMESPath: {error}") from error


def read(expression: str, reply: Reply) -> object:
    """What the expression finds: JMESPath over a JSON body, "header:NAME", or "regex:..." over the body.

    None when there is nothing. Raises BadTemplate when JSON is asked for and the body is none.
    """
    kind, _, rest = expression.partition(":")
    if kind == "header":
        return reply.headers.get(rest.strip().lower())
    if kind == "regex":
        match = re.search(rest, reply.text)
        return match[1] if match else None
    try:
        return jmespath.search(expression, json.loads(reply.text))
    except json.JSONDecodeError as error:
        raise BadTemplate(f"{expression!r} wants JSON, but the answer is {reply.text[:200]!r}") from error
    except JMESPathError as error:
        raise BadTemplate(f"{expression!r} does not fit the answer {reply.text[:200]!r}: {error}") from error


def _fill_text(template: str, values: Mapping[str, object]) -> object:
    whole = _PLACEHOLDER.fullmatch(template)
    if whole and whole[1] in values and not whole[2]:
        return values[whole[1]]
    return _in_text(template, values)


def _in_text(template: str, values: Mapping[str, object]) -> str:
    return _PLACEHOLDER.sub(lambda match: as_word(values.get(match[1], match[0])), template)


def _environment_value(match: re.Match[str]) -> str:
    value = os.environ.get(match[1])
    if value is None:
        raise BadTemplate(f"{match[0]}: the environment variable {match[1]} is not set")
    return value
