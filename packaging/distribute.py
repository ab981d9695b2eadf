# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Makes what people install from this checkout; `packaging/build` prepares the tools and calls it.

The bundle is one folder that runs from anywhere on Linux with at least the C library it was built with, which its file
name tells; the Debian package puts the same folder below /opt.
"""

from __future__ import annotations

import gzip
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
WORK = ROOT / "build" / "bundle"
LINUX = ROOT / "packaging" / "linux"
APP_ID = "io.github.mirrordeck.Mirrordeck"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION: str = PROJECT["version"]
# What comes along although nothing uses it: packages of the build tools, GTK when the machine that builds has it, Qt's
# plugins for devices without a desktop and for its own network. What only these needed goes with them.
UNWANTED_MODULES = ("tkinter", "gi", "chardet", "lxml", "setuptools", "numpy", "PIL", "PySide6.QtNetwork")
UNWANTED_FILES = (
    "PySide6/Qt/translations/*",
    "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
    "PySide6/Qt/plugins/platforms/libq[elv]*.so",  # eglfs, linuxfb, vnc, vkkhrdisplay
    *(f"PySide6/Qt/plugins/{kind}/*" for kind in ("egldeviceintegrations", "generic", "networkinformation", "tls")),
)
# What is copied to other computers: a frozen program has no sources to make it of.
PACK_ENGINE = """
import pathlib, sys
from core.remote.engine_archive import packed_engine
pathlib.Path(sys.argv[2]).write_bytes(packed_engine(sys.argv[1]))
"""
ICON_SIZES = (16, 24, 32, 48, 64, 128, 256, 512)


def main(wanted: list[str]) -> None:
    steps = {"wheel": build_wheel, "bundle": build_archive, "deb": build_debian, "sbom": build_sbom}
    unknown = set(wanted) - set(steps)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(steps)}")
    DIST.mkdir(exist_ok=True)
    for name, step in steps.items():
        if not wanted or name in wanted:
            print(f"{name}: {step().relative_to(ROOT)}", flush=True)


def build_wheel() -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(ROOT))
    return next(DIST.glob(f"mirrordeck-{VERSION}-*.whl"))


def build_sbom() -> Path:
    """A CycloneDX list of the locked packages."""
    target = DIST / f"mirrordeck-{VERSION}.cdx.json"
    run("cyclonedx-py", "requirements", str(ROOT / "requirements.lock"), "--output-reproducible", "-o", str(target))
    return target


def build_archive() -> Path:
    folder = bundle()
    target = DIST / f"{folder.name}.tar.xz"
    run(
        "tar", "--create", "--file", str(target), "--use-compress-program", "xz -T0", "--directory", str(folder.parent),
        "--sort=name", "--owner=root:0", "--group=root:0", f"--mtime=@{_last_change()}", "--exclude=.complete",
        folder.name,
    )  # fmt: skip
    return target


def build_debian() -> Path:
    """The bundle below /opt, with what a desktop wants to know in the usual places."""
    folder, place = bundle(), WORK / "debian"
    shutil.rmtree(place, ignore_errors=True)
    home = place / "opt/mirrordeck"
    shutil.copytree(folder, home, symlinks=True)
    (home / ".complete").unlink()
    (place / "usr").mkdir()
    shutil.move(home / "share", place / "usr/share")
    shutil.copy(home / "LICENSE", place / "usr/share/doc/mirrordeck/copyright")
    (place / "usr/bin").mkdir(parents=True)
    (place / "usr/bin/mirrordeck").symlink_to("/opt/mirrordeck/mirrordeck")
    control = place / "DEBIAN/control"
    control.parent.mkdir()
    control.write_text(_control(place), encoding="utf-8")
    for path in (place, *place.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    target = DIST / f"mirrordeck_{VERSION}_{_debian_machine()}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(place), str(target))
    return target


def bundle() -> Path:
    """The program with Python, Qt and everything else it needs, in one folder; made once per run."""
    libc = platform.libc_ver()[1]
    target = WORK / f"mirrordeck-{VERSION}-linux-{platform.machine()}-glibc{libc}"
    if target.exists() and (target / ".complete").exists():
        return target
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    excluded = [word for module in UNWANTED_MODULES for word in ("--exclude-module", module)]
    engine = WORK / "engine.tar.gz"
    run(sys.executable, "-c", PACK_ENGINE, VERSION, str(engine))
    sent = (engine, ROOT / "core/remote/bootstrap.py")
    remote = [word for path in sent for word in ("--add-data", f"{path}:core/remote")]
    metadata = [word for name in _locked() for word in ("--copy-metadata", name)]
    run(
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--onedir", "--log-level", "WARN",
        "--name", "mirrordeck", "--contents-directory", "lib", "--paths", str(ROOT),
        "--add-data", f"{ROOT}/resources:resources", "--collect-submodules", "core", "--collect-submodules", "gui",
        "--collect-submodules", "keyring.backends", "--collect-data", "archspec", *remote, *excluded, *metadata,
        "--distpath", str(WORK / "made"), "--workpath", str(WORK / "work"), "--specpath", str(WORK),
        str(ROOT / "packaging" / "frozen.py"),
    )  # fmt: skip
    shutil.move(WORK / "made" / "mirrordeck", target)
    for pattern in UNWANTED_FILES:
        for path in (target / "lib").glob(pattern):
            path.unlink()
    drop_unneeded(target / "lib")
    _own_metadata(target / "lib")
    shutil.copy(ROOT / "LICENSE", target)
    shutil.copy(ROOT / "README.md", target)
    copy_licences(target / "share/doc/mirrordeck/licences", target / "lib")
    add_desktop_files(target / "share")
    (target / ".complete").touch()
    return target


def drop_unneeded(libraries: Path) -> None:
    """Unlink the shared libraries below `libraries` that nothing there needs, directly or by others; modules of Python,
    plugins, and Python itself are needed by themselves."""
    places = {path for folder in (libraries, libraries / "PySide6/Qt/lib") for path in folder.glob("lib*.so*")}
    optional = {path for path in places if not path.name.startswith("libpython")}
    links = {path for path in optional if path.is_symlink()}
    needs = {path: _needs(path) for path in libraries.rglob("*.so*") if not path.is_symlink()}
    while True:
        needed = set().union(*needs.values())
        needed |= {link.resolve().name for link in links if link.name in needed}
        spare = [path for path in optional - links if path in needs and path.name not in needed]
        if not spare:
            break
        for path in spare:
            path.unlink()
            del needs[path]
    for link in links:
        if not link.exists():
            link.unlink()


def _needs(binary: Path) -> set[str]:
    done = subprocess.run(["objdump", "-p", str(binary)], capture_output=True, text=True, check=True)
    return {words[1] for line in done.stdout.splitlines() if (words := line.split())[:1] == ["NEEDED"]}


def add_desktop_files(share: Path) -> None:
    """Desktop entry, metadata, icons, manual page and shell completions below `share`."""
    copies = {
        "applications": f"{APP_ID}.desktop",
        "metainfo": f"{APP_ID}.metainfo.xml",
    }
    for folder, name in copies.items():
        (share / folder).mkdir(parents=True)
        shutil.copy(LINUX / name, share / folder)
    icon = ROOT / "resources/icons/app.svg"
    scalable = share / "icons/hicolor/scalable/apps"
    scalable.mkdir(parents=True)
    shutil.copy(icon, scalable / f"{APP_ID}.svg")
    for size in ICON_SIZES:
        folder = share / f"icons/hicolor/{size}x{size}/apps"
        folder.mkdir(parents=True)
        draw_icon(icon, size, folder / f"{APP_ID}.png")
    manual = share / "man/man1/mirrordeck.1.gz"
    manual.parent.mkdir(parents=True)
    manual.write_bytes(gzip.compress(_manual().encode(), 9, mtime=0))
    completions = {
        "bash": "bash-completion/completions/mirrordeck",
        "zsh": "zsh/site-functions/_mirrordeck",
    }
    for shell, place in completions.items():
        target = share / place
        target.parent.mkdir(parents=True)
        script = subprocess.run(
            ["shtab", "--shell", shell, "--prog", "mirrordeck", "core.cli.main.make_parser"],
            check=True, capture_output=True, env=_environment(),
        ).stdout  # fmt: skip
        target.write_bytes(script)


def _manual() -> str:
    sys.path[:0] = [str(ROOT), str(ROOT / "packaging")]
    from manual import manual_page

    from core.cli.main import make_parser

    os.environ["COLUMNS"] = "10000"
    date = datetime.fromtimestamp(int(_last_change()), UTC).date().isoformat()
    return manual_page(make_parser(), version=VERSION, date=date, description=PROJECT["description"])


def draw_icon(source: Path, size: int, target: Path) -> None:
    """The drawing `source` as a picture of `size` pixels."""
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    picture = QImage(size, size, QImage.Format.Format_ARGB32)
    picture.fill(0)
    painter = QPainter(picture)
    QSvgRenderer(str(source)).render(painter)
    painter.end()
    if not picture.save(str(target)):
        raise OSError(f"{target} was not written")


def copy_licences(target: Path, libraries: Path) -> None:
    """The licences of everything in the bundle: of the Python packages, of Python, and of the system's libraries."""
    for package in _locked_distributions():
        folder = target / str(package.metadata["Name"])
        texts = [file for file in package.files or () if _is_licence(file.name)]
        said = package.metadata["License-Expression"] or package.metadata["License"]
        if not texts and said:
            folder.mkdir(parents=True)
            (folder / "LICENSE").write_text(f"{said}\n", encoding="utf-8")
        for file in texts:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), folder / "-".join(file.parts[-2:]))
    common = Path("/usr/share/common-licenses")
    for name in ("LGPL-3", "GPL-3", "Apache-2.0"):  # Qt's is the LGPL, which adds to the GPL
        if (common / name).exists():
            shutil.copy(common / name, target)
    for name in sorted({owner for path in libraries.glob("lib*.so*") if (owner := _owner(path.name))}):
        copyright_file = Path("/usr/share/doc") / name / "copyright"
        if copyright_file.exists():
            shutil.copy(copyright_file, target / f"{name}.copyright")


def _owner(library: str) -> str | None:
    """The Debian package a library of the system came from, None where that cannot be told."""
    done = subprocess.run(["dpkg-query", "--search", f"*/{library}"], capture_output=True, text=True, check=False)
    return done.stdout.partition(":")[0] if done.returncode == 0 else None


def _is_licence(name: str) -> bool:
    return name.upper().startswith(("LICEN", "COPYING", "NOTICE")) and not name.endswith(".py")


def _locked() -> list[str]:
    return [str(package.metadata["Name"]) for package in _locked_distributions()]


def _locked_distributions() -> list[Distribution]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    names = {_plain(line.partition("==")[0]) for line in lines if "==" in line and not line.startswith((" ", "#"))}
    return sorted(
        (package for package in distributions() if _plain(package.metadata["Name"]) in names),
        key=lambda package: _plain(package.metadata["Name"]),
    )


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-")


def _own_metadata(libraries: Path) -> None:
    """What tells the program its own version."""
    folder = libraries / f"mirrordeck-{VERSION}.dist-info"
    folder.mkdir()
    text = f"Metadata-Version: 2.1\nName: mirrordeck\nVersion: {VERSION}\n"
    (folder / "METADATA").write_text(text, encoding="utf-8")


def _control(place: Path) -> str:
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    depends = ", ".join([*_window_packages(), f"libc6 (>= {platform.libc_ver()[1]})"])
    return (
        f"Package: mirrordeck\nVersion: {VERSION}\nArchitecture: {_debian_machine()}\n"
        f"Maintainer: Mirrordeck <mirrordeck@users.noreply.github.com>\nInstalled-Size: {size // 1024}\n"
        f"Depends: {depends}\nRecommends: gnupg\nSection: admin\nPriority: optional\n"
        f"Description: {PROJECT['description']}\n"
        " Shows what a Spack instance has installed and what its build caches hold,\n"
        " and pushes, signs, copies and cleans packages there.\n"
    )


def _window_packages() -> list[str]:
    """The packages that `packaging/run` asks for, from the one list of them."""
    text = (ROOT / "packaging/common.sh").read_text(encoding="utf-8")
    needs = text.partition("window_needs='")[2].partition("'")[0]
    return sorted({need.partition("=")[2] for need in needs.split()})


def _debian_machine() -> str:
    done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": _last_change()}


def _last_change() -> str:
    """When the source was changed last, in unix seconds: the same source must give the same files."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return given
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or str(int((ROOT / "pyproject.toml").stat().st_mtime))


def run(*command: str) -> None:
    subprocess.run(command, check=True, env=_environment(), cwd=ROOT, stdout=sys.stderr)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main(sys.argv[1:])
