"""All sources that are declared, by key."""

import tomllib
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "fixtures" / "sources"

SOURCES: dict[str, dict[str, str]] = {
    key: source
    for path in sorted(FOLDER.glob("*.toml"))
    for key, source in tomllib.loads(path.read_text(encoding="utf-8")).items()
}
