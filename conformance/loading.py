"""Finds a target by what the user wrote: a target file, or a Python class."""

from collections.abc import Mapping
from pathlib import Path

from conformance.bench import POLICIES
from conformance.http_target import HttpTarget
from conformance.target import BadTarget, Target, load_python_target
from conformance.target_file import read_target_file


def load_target(text: str, launch_args: tuple[str, ...] = ()) -> Target:
    """The target of a TOML file ("portal.toml") or a Python class ("module:Class"). Raises BadTarget.

    `launch_args` are added to the command of a file's [launch].
    """
    if text.endswith(".toml"):
        target: Target = HttpTarget(read_target_file(Path(text)), launch_args)
    elif ":" in text:
        target = load_python_target(text)
    else:
        raise BadTarget(f"{text!r} is neither a target file (it would end in .toml) nor a class (module:Class)")
    _check_policies(text, target.policies)
    return target


def _check_policies(text: str, policies: Mapping[str, str]) -> None:
    for name, value in policies.items():
        known = POLICIES.get(name)
        if known is None:
            raise BadTarget(f"{text}: there is no policy {name!r}; known: {', '.join(POLICIES)}")
        if value not in known:
            raise BadTarget(f"{text}: policy {name} may be {' or '.join(known)}, not {value!r}")
