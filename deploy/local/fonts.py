"""The typeface of the forms: fetched once a user, checked by its digest, laid into `.local/fonts`.

`python -m deploy.local.fonts` does nothing where the files already lie.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from deploy.local.places import ROOT, VENV

PACKAGE = "@expo-google-fonts/noto-serif-sc@0.4.3"
MEMBERS = {
    "NotoSerifSC_400Regular.ttf": (
        "package/400Regular/NotoSerifSC_400Regular.ttf",
        "c358a69de3df5f423a8946a7b03e3126fb6ba116f1130a463455b4e39e1f0742",
    ),
    "LICENSE_FONT": ("package/LICENSE_FONT", None),
}
FOLDER = ROOT / ".local" / "fonts"


class FontsMissing(Exception):
    """The typeface of the forms could not be had."""


def lay_fonts(folder: Path = FOLDER) -> None:
    """Lay the typeface into `folder`; from the user's cache where it was fetched before."""
    if all((folder / name).exists() for name in MEMBERS):
        return
    folder.mkdir(parents=True, exist_ok=True)
    cache = _cache()
    if not all((cache / name).exists() for name in MEMBERS):
        print("  Fonts: fetching Noto Serif SC", flush=True)
        _fetch(cache)
    for name in MEMBERS:
        shutil.copyfile(cache / name, folder / name)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "danzheng" / "fonts" / PACKAGE.rpartition("@")[2]


def _fetch(cache: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        _unpack(_pack(Path(scratch)), cache)


def _pack(scratch: Path) -> Path:
    environment = os.environ | {"PATH": f"{VENV / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        [
            str(VENV / "bin" / "npm"),
            "pack",
            "--silent",
            "--pack-destination",
            str(scratch),
            PACKAGE,
        ],
        cwd=scratch,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    archives = list(scratch.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise FontsMissing(f"npm could not fetch {PACKAGE}:\n{done.stderr.strip()}")
    return archives[0]


def _unpack(archive: Path, cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        for name, (member, digest) in MEMBERS.items():
            source = package.extractfile(member)
            if source is None:
                raise FontsMissing(f"{PACKAGE} holds no {member}")
            _keep(source.read(), digest, cache / name)


def _keep(content: bytes, digest: str | None, path: Path) -> None:
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise FontsMissing(f"{path.name} is not the file this project was made with")
    half = path.with_suffix(".part")
    half.write_bytes(content)
    half.replace(path)


if __name__ == "__main__":
    try:
        lay_fonts()
    except FontsMissing as fault:
        sys.exit(str(fault))
