"""Finds a target by what the user wrote: a target file, or a Python class."""

from pathlib import Path

from conformance.http_target import HttpTarget
from conformance.target import BadTarget, Target, load_python_target
from conformance.target_file import read_target_file


def load_target(text: str, launch_args: tuple[str, ...] = ()) -> Target:
    """The target of a TOML file ("portal.toml") or a Python class ("module:Class"). Raises BadTarget.

    `launch_args` are added to the command of a file's [launch].
    """
    if text.endswith(".toml"):
        return HttpTarget(read_target_file(Path(text)), launch_args)
    if ":" in text:
        return load_python_target(text)
    raise BadTarget(f"{text!r} is neither a target file (it would end in .toml) nor a class (module:Class)")
