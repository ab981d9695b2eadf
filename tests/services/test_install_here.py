# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Installing from a cache: the outlook, and what is made of the lines of Spack, for which a script stands in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mirrors.credential_kit import script
from services.login_world import World, world

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, UsageError
from core.services.install_here import InstallHere, InstallLines
from core.services.install_values import InstallOutlook, InstallRequest, InstallState, SignatureState, SpackEnd
from core.spack.instance import Instance, find_instance

TOKEN = CancelToken()
# Of the sample caches, which were made below this root.
MADE_BELOW = "/opt/lab/spack/opt/spack"
LABTOP = "grwrn7mewcozl75s5qlogdw6fovwfjfx"
LABZED = "3etqutdo6x2xxhffps2ikkt6ggofkhan"
SHORTER, LONGER = "/nowhere/opt/spack", "/nowhere/much/longer/root/than/that"

# As Spack 1.1 prints it where its output is no terminal.
PRINTED = """\
[+] /usr (external glibc-2.36-rzctz7n57bk65vvjgzxxtvowmxwryxz6)
==> labext@7.5 : has external module in ['labext/7.5']
==> Extracting gcc-runtime-12.2.0-cdhuyaunag6snqgsyiaze2xso7b6cukx from binary cache
==> gcc-runtime: Successfully installed gcc-runtime-12.2.0-cdhuyaunag6snqgsyiaze2xso7b6cukx
[+] /opt/t/linux-x86_64/gcc-runtime-12.2.0-cdhuyaunag6snqgsyiaze2xso7b6cukx
==> Installing gcc-runtime-12.2.0-cdhuyaunag6snqgsyiaze2xso7b6cukx [2/5]
==> Extracting labwrap-2024-06-01-avhzlakm3e4molsnhlci2gg7zo37npmg from binary cache
==> Warning: Skipping build of labmid-2.0-7nyg6y4armlp5ga7eb4uhgleeggidnbj since labwrap-2024 failed
==> Error: Failed to install labwrap due to CannotGrowString: Cannot replace b'/opt/lab' with b'/opt/longer'
==> Error: labtop-3.1.4-grwrn7mewcozl75s5qlogdw6fovwfjfx: Package was not installed
==> Error: Installation request failed.  Refer to reported errors for failing package(s).
"""

Make = Callable[..., InstallHere]


@pytest.fixture
def make(checkout: Path, golden: Path, tmp_path: Path) -> Iterator[Make]:
    """`make(SHORTER, signed=False)`: an instance with that install root, and the sample caches as mirrors."""
    opened: list[Any] = []

    def make(root: str = SHORTER, *, cache: Path = golden / "mirrors/unsigned", **flags: object) -> InstallHere:
        config: dict[str, Any] = {"install_tree": {"root": root, **flags.pop("tree", {})}}  # type: ignore[dict-item]
        (checkout / "etc/spack/config.yaml").write_text(json.dumps({"config": config}))
        context = world(checkout, {"lab": {"url": str(cache), **flags}})
        opened.append(context)
        found: World = context.__enter__()
        return InstallHere(found.instance, found.access, tmp_path)

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def look(here: InstallHere, *hashes: str, **options: Any) -> InstallOutlook:
    return here.look(InstallRequest("lab", hashes or (LABTOP,), **options), TOKEN)


def codes(found: InstallOutlook) -> tuple[list[str], list[str]]:
    """Of blockers and warnings; what this machine has and who runs this is no matter here."""
    blockers, warnings = ([one.code for one in infos] for infos in (found.blockers, found.warnings))
    return [code for code in blockers if code != "permission-denied"], [c for c in warnings if c != "no-external"]


class TestOutlook:
    def test_everything_it_needs_to_run_and_no_more(self, make: Make) -> None:
        found = look(make(signed=False))
        states = {one.name: one.state for one in found.packages}
        assert states.pop("glibc") is states.pop("labext") is InstallState.EXTERNAL
        assert set(states) == {"labtop", "labmid", "labmpi-b", "labscript", "labzed", "gcc-runtime"}
        assert set(states.values()) == {InstallState.CACHE}
        assert found.to_install == 6
        assert found.command == f"spack install --cache-only /{LABTOP}"
        assert (found.root, found.needs_unchecked) == (SHORTER, False)

    @pytest.mark.parametrize("root", [SHORTER, "/nowhere/as/it/opt/spack", LONGER])
    def test_whether_paths_fit(self, make: Make, root: str) -> None:
        found = look(make(root, signed=False))
        room = len(MADE_BELOW) - len(root)
        assert {one.room for one in found.packages if one.state is InstallState.CACHE} == {room}
        titles = [one.title for one in found.warnings if one.code == "too-long"]
        assert titles == (
            [f"6 packages may not fit: paths here are up to {-room} characters longer"] if room < 0 else []
        )

    def test_where_nobody_may_write(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.access", lambda *_: False)
        assert [one.code for one in look(make(signed=False)).blockers] == ["permission-denied"]

    def test_padding_of_the_cache_makes_room(self, make: Make, golden: Path) -> None:
        found = look(make(LONGER, cache=golden / "mirrors/padded", signed=False), self.of(golden / "mirrors/padded"))
        assert "too-long" not in codes(found)[1]
        assert min(one.room or 0 for one in found.packages if one.state is InstallState.CACHE) > 100

    def of(self, cache: Path) -> str:
        manifest = next(cache.glob("v3/manifests/spec/labtop/*"))
        return manifest.name.removesuffix(".spec.manifest.json")[-32:]

    def test_projections_of_ones_own_count(self, make: Make) -> None:
        here = make(SHORTER, signed=False, tree={"projections": {"all": "{name}/{version}-{hash:7}"}})
        (zed,) = (one for one in look(here, LABZED).packages if one.name == "labzed")
        old = f"{MADE_BELOW}/linux-x86_64/labzed-1.10-{LABZED}"
        assert zed.room == len(old) - len(f"{SHORTER}/labzed/1.10-{LABZED[:7]}")
        several = {"projections": {"all": "{name}", "%gcc": "gcc/{name}"}}
        assert codes(look(make(SHORTER, signed=False, tree=several), LABZED))[1] == ["unknown-paths"]

    def test_unsigned_packages_of_a_signed_mirror(self, make: Make) -> None:
        here = make()
        found = look(here)
        assert (found.needs_unchecked, codes(found)) == (True, ([], ["unsigned"]))
        allowed = look(here, unchecked=True)
        assert codes(allowed) == ([], [])
        assert "--no-check-signature" in allowed.command

    def test_a_manifest_of_another_package_is_a_blocker(self, make: Make, golden: Path, tmp_path: Path) -> None:
        """Spack installs what it names."""
        cache = tmp_path / "cache"
        shutil.copytree(golden / "mirrors/unsigned", cache)
        (ours,) = cache.glob(f"v3/manifests/spec/labzed/*{LABZED}*")
        theirs = next(cache.glob("v3/manifests/spec/labgit/*.json"))
        ours.chmod(0o644)
        ours.write_bytes(theirs.read_bytes())
        found = look(make(cache=cache, signed=False))
        assert [one.name for one in found.packages if one.problem] == ["labzed"]
        assert codes(found)[0] == ["damaged"]
        assert "another package" in found.blockers[-1].why

    def test_keys_that_are_not_known(self, make: Make, golden: Path, tool: Callable[[str], str]) -> None:
        tool("gpg")
        found = look(make(cache=golden / "mirrors/signed"))
        signatures = {one.signature for one in found.packages if one.state is InstallState.CACHE}
        assert signatures <= {SignatureState.UNKNOWN_KEY, SignatureState.UNCHECKED}
        assert not found.needs_unchecked

    def test_a_package_that_is_gone(self, make: Make, golden: Path, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        shutil.copytree(golden / "mirrors/unsigned", cache)
        folder = cache / "v3/manifests/spec/labmid"
        for path in (cache, *cache.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.rmtree(folder)
        found = look(make(cache=cache, signed=False))
        assert {one.name for one in found.packages if one.state is InstallState.MISSING} == {"labmid"}
        assert codes(found) == ([], ["missing"])

    def test_what_makes_it_impossible(self, make: Make, golden: Path) -> None:
        here = make(binary=False)
        assert codes(look(here, "a" * 32))[0] == ["no-mirror", "not-indexed"]
        unnamed = here.look(InstallRequest(str(golden / "mirrors/unsigned"), (LABZED,)), TOKEN)
        assert codes(unnamed)[0] == ["no-mirror"]
        with pytest.raises(UsageError):
            here.look(InstallRequest("lab", ()), TOKEN)
        with pytest.raises(UsageError):
            list(here.run(InstallRequest("lab", (LABZED,)), TOKEN))

    def test_the_old_layout(self, make: Make, golden: Path) -> None:
        found = look(make(cache=golden / "mirrors/v2-unsigned", signed=False), "mjbxaxrvnge27fbt3mdtse4ycthlg3dt")
        assert {one.state for one in found.packages} >= {InstallState.CACHE}
        assert all(one.room is not None for one in found.packages if one.state is InstallState.CACHE)


class TestRunning:
    def script(self, instance: Instance, body: str) -> None:
        path = Path(instance.root or "") / "bin/spack"
        path.unlink(missing_ok=True)
        script(path, body)

    def test_lines_packages_and_the_end(self, make: Make, tmp_path: Path) -> None:
        here = make(str(tmp_path / "root"), signed=False)
        (tmp_path / "printed").write_text(PRINTED)
        self.script(
            here.instance,
            f'echo "$@" >{tmp_path}/arguments; while read -r l; do echo "$l"; done <{tmp_path}/printed; exit 1',
        )
        *batches, end = here.run(InstallRequest("lab", (LABTOP, LABZED)), TOKEN)
        lines = [line for batch in batches if not isinstance(batch, SpackEnd) for line in batch]
        assert "".join(f"{line.text}\n" for line in lines) == PRINTED
        assert isinstance(end, SpackEnd)
        assert (end.status, end.done, end.failed) == (1, 2, 3)
        assert (tmp_path / "arguments").read_text() == f"-E install --cache-only /{LABTOP} /{LABZED}\n"

    def test_an_environment_is_left_alone(self, make: Make, checkout: Path, tmp_path: Path) -> None:
        here = make(str(tmp_path / "root"), signed=False)
        (tmp_path / "env").mkdir()
        (tmp_path / "env/spack.yaml").write_text("spack: {}\n")
        inside = find_instance(str(checkout), environment_dir=str(tmp_path / "env"), environ=here.instance.environ)
        self.script(inside, 'echo "$1"')
        first, _ = InstallHere(inside, here.access, tmp_path).run(InstallRequest("lab", (LABZED,)), TOKEN)
        assert not isinstance(first, SpackEnd)
        assert first[0].text == "-E"

    def test_signatures_are_not_left_unchecked_for_nothing(self, make: Make, tmp_path: Path) -> None:
        here = make(str(tmp_path / "root"), signed=False)
        self.script(here.instance, f"echo >{tmp_path}/ran")
        with pytest.raises(UsageError, match="have to be checked"):
            list(here.run(InstallRequest("lab", (LABZED,), unchecked=True), TOKEN))
        assert not (tmp_path / "ran").exists()

    def test_it_can_be_stopped(self, make: Make, tmp_path: Path) -> None:
        here, token = make(str(tmp_path / "root"), signed=False), CancelToken()
        self.script(here.instance, "echo begun; exec sleep 60")
        running = here.run(InstallRequest("lab", (LABZED,)), token)
        next(running)
        token.cancel()
        with pytest.raises(Cancelled):
            next(running)


def test_what_each_line_says() -> None:
    lines = InstallLines()
    found = [lines.understand(text) for text in PRINTED.splitlines()]
    said = [(line.package[:18], "done" if line.done else "failed" if line.failed else "") for line in found]
    assert said == [
        ("glibc-2.36-rzctz7n", "done"),
        ("", ""),
        ("gcc-runtime-12.2.0", ""),
        ("", ""),
        ("gcc-runtime-12.2.0", "done"),
        ("", ""),
        ("labwrap-2024-06-01", ""),
        ("labmid-2.0-7nyg6y4", "failed"),
        ("labwrap-2024-06-01", "failed"),
        ("labtop-3.1.4-grwrn", "failed"),
        ("", ""),
    ]
