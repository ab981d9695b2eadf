# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Container tools take what was pushed, and it runs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pushed_images import TOKEN, Opened, add_mirrors, at
from registry.servers import RunningRegistry

from core.caches.oci.image import DOCKER, OCI, Family
from core.caches.opening import CacheAccess
from core.network.endpoints import Endpoint
from core.packing.model import Codec
from core.services.contents import update_index
from core.services.push import PreparedPush
from core.spack.instance import Instance
from core.transfers.model import ItemState, PushOutcome

PROGRAM = """\
#!/bin/sh
# Finds what it needs through the image's variables, and a dependency where it was installed.
echo "hello from $0"
zlib-ng-hello
"""
OF_DEPENDENCY = "#!/bin/sh\necho zlib-ng $LANG\n"
APPLETS = ("cat", "echo", "env", "ls", "sh")

pytestmark = pytest.mark.root


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return "images/" + request.node.name.lower().replace("[", "-").rstrip("]").replace("_", "-")


@pytest.fixture
def instance(instance: Instance) -> Instance:
    """With programs in two packages that need a shell only."""
    prefixes = {record.name: Path(str(record.prefix)) for record in instance.database().records.values()}
    for package, program, text in (("libxml2", "hello", PROGRAM), ("zlib-ng", "zlib-ng-hello", OF_DEPENDENCY)):
        path = prefixes[package] / "bin" / program
        path.write_text(text)
        path.chmod(0o755)
    return instance


@pytest.fixture
def checkout(checkout: Path, real_registries: dict[str, RunningRegistry], name: str) -> Path:
    add_mirrors(checkout, {"plain": {"url": f"oci+http://{real_registries['plain'].host}/{name}"}})
    return checkout


@pytest.fixture
def look(real_registries: dict[str, RunningRegistry]) -> Iterator[Callable[[str], Opened]]:
    contexts = []

    def look(name: str) -> Opened:
        contexts.append(at(Endpoint("http", real_registries["plain"].host), name))
        return contexts[-1].__enter__()

    yield look
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def base_layer(tool: Callable[[str], str]) -> bytes:
    """The tar of a system that consists of a static busybox."""
    busybox = Path(tool("busybox"))
    if b"ld-linux" in busybox.read_bytes()[:4096]:
        pytest.fail(f"{busybox} is not static: install busybox-static")
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in ("bin", "tmp"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
        member = tarfile.TarInfo("bin/busybox")
        member.mode, member.size = 0o755, busybox.stat().st_size
        with busybox.open("rb") as file:
            archive.addfile(member, file)
        for applet in APPLETS:
            member = tarfile.TarInfo(f"bin/{applet}")
            member.type, member.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(member)
    return written.getvalue()


def put_base(opened: Opened, tar: bytes, family: Family) -> None:
    config = {"Env": ["PATH=/bin", "LANG=C.base"], "Cmd": ["/bin/sh"], "Labels": {"made": "here"}}
    diff_id = "sha256:" + hashlib.sha256(tar).hexdigest()
    opened.put_image("1", gzip.compress(tar, mtime=0), diff_id, family=family, config=config)


def unpacked(tool: Callable[[str], str], image: str, folder: Path) -> tuple[Path, dict[str, str]]:
    """The file system of an image and the variables of its processes, as container tools see them."""
    layout = f"{folder}/layout:image"
    commands = [
        [tool("skopeo"), "--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{image}", f"oci:{layout}"],
        [tool("umoci"), "unpack", "--image", layout, f"{folder}/bundle"],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    process = json.loads((folder / "bundle/config.json").read_text())["process"]
    return folder / "bundle/rootfs", dict(entry.split("=", 1) for entry in process["env"])


def run_in(root: Path, variables: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        ["/usr/sbin/chroot", root, *command], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["package", "fast", "spack", "tag", "squashed", "docker"])
def test_it_runs(
    tool: Callable[[str], str],
    instance: Instance,
    plan: Callable[..., PreparedPush],
    carry_out: Callable[[PreparedPush], PushOutcome],
    look: Callable[[str], Opened],
    real_registries: dict[str, RunningRegistry],
    base_layer: bytes,
    name: str,
    tmp_path: Path,
    kind: str,
) -> None:
    host = real_registries["plain"].host
    put_base(look(f"{name}-base"), base_layer, DOCKER if kind == "docker" else OCI)
    single = kind in ("package", "fast", "spack")
    options: dict[str, object] = {} if single else {"tag": "tools", "squash_to": 2 if kind == "squashed" else None}
    if kind in ("fast", "spack"):
        options["codec"] = Codec(kind)
    prepared = plan("libxml2", to="plain", base_image=f"oci+http://{host}/{name}-base:1", **options)
    assert prepared.plan.blockers == ()
    assert {row.state for row in carry_out(prepared).rows} == {ItemState.DONE}

    opened = look(name)
    (tag,) = [tag for tag in opened.tags() if tag.startswith("libxml2-" if single else "tools")]
    root, variables = unpacked(tool, f"{host}/{name}:{tag}", tmp_path)
    prefix = next(record.prefix for record in instance.database().records.values() if record.name == "libxml2")
    assert run_in(root, variables, "sh", "-c", "hello") == f"hello from {prefix}/bin/hello\nzlib-ng C.base\n"
    # Everything is in place, down to links and modes.
    for path in sorted(Path(prefix).rglob("*")):
        there = root / path.relative_to("/")
        assert there.lstat().st_mode == path.lstat().st_mode, path
        if path.is_symlink():
            assert there.readlink() == path.readlink()
        elif path.is_file():
            assert there.read_bytes() == path.read_bytes()


def test_a_copy_by_skopeo_is_a_build_cache(
    tool: Callable[[str], str],
    instance: Instance,
    access: CacheAccess,
    plan: Callable[..., PreparedPush],
    carry_out: Callable[[PreparedPush], PushOutcome],
    look: Callable[[str], Opened],
    real_registries: dict[str, RunningRegistry],
    name: str,
    tmp_path: Path,
) -> None:
    carry_out(plan("libxml2", to="plain", update_index=True))
    host = real_registries["plain"].host
    source, target = look(name), look(f"{name}-copy")
    for tag in source.tags():
        addresses = [f"docker://{host}/{where}:{tag}" for where in (name, f"{name}-copy")]
        command = [tool("skopeo"), "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"]
        done = subprocess.run([*command, *addresses], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    # The index says that it is compressed and is not, as Spack writes it; skopeo makes that true.
    update_index(
        instance,
        access,
        f"oci+http://{host}/{name}-copy",
        full=False,
        cwd=tmp_path,
        token=TOKEN,
        progress=lambda _done, _all: None,
    )
    there, copied = ({tag: one.image(tag).digest for tag in one.tags()} for one in (source, target))
    assert copied == there
    assert target.packages().keys() == {"gcc-runtime", "libxml2", "xz", "zlib-ng"}
