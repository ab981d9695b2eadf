# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What mirrors have: read, remembered with its age, and not spoilt by a mirror that is dead."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.caches.opening import CacheAccess
from core.caches.protocol import ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import AuthRequired, CacheError, Cancelled, UsageError
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.services.access import open_access
from core.services.contents_memory import ContentsMemory
from core.services.contents_view import view_contents
from core.services.coverage import HeldBack, compare_installed, count_missing, find_missing, view_coverage
from core.services.package_values import CoverageCell, MissingCount
from core.services.presence import Known, Mirrors, find_holdings
from core.services.presence_memory import PresenceMemory
from core.services.push import plan_push
from core.services.sample import make_sample_instance
from core.services.side_by_side import side_by_side
from core.spack.database import Database
from core.spack.instance import Instance, find_instance
from core.transfers.journal import Journal
from core.transfers.plan import PushOptions, PushRequest
from core.transfers.queue import TransferQueue


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample instance whose mirror `team` has what openmpi needs, and openmpi; `scratch` has nothing. Read only."""
    directory = tmp_path_factory.mktemp("sample") / "spack"
    make_sample_instance(directory)
    instance = find_instance(str(directory), environ={})
    access = open_access(instance, keep=False)
    options = PushOptions(with_build_dependencies=False, update_index=True)
    queue = TransferQueue(Journal(directory.parent / "journal"), workers=2)
    try:
        request = PushRequest("team", ("openmpi",), options=options)
        prepared = plan_push(instance, access, request, cwd=directory, token=CancelToken())
        assert queue.wait(queue.add(prepared.job), 60)
    finally:
        queue.close()
        access.close()
    return directory


@pytest.fixture
def instance(sample: Path) -> Instance:
    return find_instance(str(sample), environ={})


@pytest.fixture
def database(instance: Instance) -> Database:
    return instance.database()


@pytest.fixture
def access(instance: Instance) -> Iterator[CacheAccess]:
    access = open_access(instance, keep=False)
    yield access
    access.close()


@pytest.fixture
def contents(tmp_path: Path) -> ContentsMemory:
    return ContentsMemory(tmp_path / "contents", keep=True)


@pytest.fixture
def make(instance: Instance, access: CacheAccess, contents: ContentsMemory, tmp_path: Path):
    """`make()` opens the memory of mirrors anew, as another run of the program would."""

    def make(*, keep: bool = True) -> Mirrors:
        memory = PresenceMemory(tmp_path / "presence", contents, keep=keep)
        return Mirrors(instance, access, memory, cwd=tmp_path)

    return make


def known_of(mirrors: Mirrors, *names: str, refresh: bool = False) -> dict[str, Known]:
    chosen = mirrors.chosen(names)
    return {known.name: known for known in mirrors.known(chosen, CancelToken(), refresh=refresh)}


def hash_of(database: Database, name: str) -> str:
    return next(record.hash for record in database.records.values() if record.name == name)


class TestKnowing:
    def test_nothing_is_known_before_it_was_read(self, make, database: Database) -> None:
        presence = known_of(make())["team"].presence(database)
        assert (presence.read_at, presence.hashes, presence.error) == (None, (), None)

    def test_what_was_read_is_remembered_with_its_age(self, make, database: Database) -> None:
        read = known_of(make(), refresh=True)["team"].presence(database)
        assert hash_of(database, "openmpi") in read.hashes
        assert read.has_index is True
        assert read.index_written_at is not None
        remembered = known_of(make())["team"].presence(database)
        assert remembered == read

    def test_without_keep_no_file_is_written(self, make, tmp_path: Path) -> None:
        known_of(make(keep=False), refresh=True)
        assert not (tmp_path / "presence").exists()

    def test_a_damaged_memory_is_none(self, make, tmp_path: Path) -> None:
        known_of(make(), refresh=True)
        for file in (tmp_path / "presence").iterdir():
            file.write_text("{")
        assert known_of(make())["team"].packages is None

    def test_a_mirror_without_an_index_is_listed(self, make, sample: Path, database: Database, tmp_path: Path) -> None:
        shutil.copytree(sample / "mirrors/team", tmp_path / "bare")
        shutil.rmtree(tmp_path / "bare/v3/manifests/index")
        (known,) = known_of(make(), str(tmp_path / "bare"), refresh=True).values()
        presence = known.presence(database)
        assert (presence.has_index, presence.index_written_at) == (False, None)
        assert hash_of(database, "openmpi") in presence.hashes

    def test_a_complete_listing_counts_when_it_is_newer(
        self, make, instance: Instance, access: CacheAccess, contents: ContentsMemory, tmp_path: Path
    ) -> None:
        before = known_of(make(), refresh=True)["team"].packages
        list(view_contents(instance, access, contents, "team", refresh=True, cwd=tmp_path, token=CancelToken()))
        after = known_of(make())["team"].packages
        assert before is not None
        assert after is not None
        assert after.read_at > before.read_at
        assert after.packages.keys() == before.packages.keys()
        assert all(package.stored_bytes for package in after.packages.values())
        again = known_of(make(), refresh=True)["team"].packages
        assert again is not None
        assert again.read_at > after.read_at

    def test_what_others_pushed_is_counted_but_not_named(self, make, database: Database) -> None:
        known = known_of(make(), refresh=True)["team"]
        openmpi = hash_of(database, "openmpi")
        less = Database("/", 8, {key: record for key, record in database.records.items() if key != openmpi})
        presence = known.presence(less)
        assert presence.others == 1
        assert openmpi not in presence.hashes

    def test_unknown_mirrors_and_those_without_binaries(self, make) -> None:
        assert {mirror.name for mirror in make().chosen()} == {"team", "scratch"}
        with pytest.raises(UsageError):
            make().chosen(["nosuch"])


class TestDeadMirrors:
    def test_one_that_fails_has_its_error_and_what_was_remembered(
        self, make, sample: Path, database: Database, tmp_path: Path
    ) -> None:
        place = str(tmp_path / "copy")
        shutil.copytree(sample / "mirrors/team", place)
        known_of(make(), place, refresh=True)
        (tmp_path / "copy/v3/manifests/index/index.manifest.json").write_text("{")
        broken, good = known_of(make(), place, "team", refresh=True).values()
        if broken.name == "team":
            broken, good = good, broken
        presence = broken.presence(database)
        assert presence.error is not None
        assert hash_of(database, "openmpi") in presence.hashes
        assert good.error is None
        with pytest.raises(CacheError):
            list(make().read(make().chosen([place]), CancelToken()))

    def test_one_that_wants_a_login_for_reading_gets_that_for_pushing(
        self, make, access: CacheAccess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As Spack does, but only at the very same address."""
        mirrors = make()
        (team,) = mirrors.chosen(["team"])
        asked: list[Direction] = []

        def open_cache(mirror: Mirror, direction: Direction) -> ReadableCache:
            asked.append(direction)
            if direction is Direction.FETCH:
                raise AuthRequired("Could not sign in", "anonymous reading is refused")
            return opened(mirror, direction)

        opened = access.open
        monkeypatch.setattr(type(access), "open", lambda _self, mirror, direction: open_cache(mirror, direction))
        (known,) = mirrors.known([team], CancelToken(), refresh=True)
        assert known.error is None
        assert asked == [Direction.FETCH, Direction.PUSH]
        elsewhere = replace(team, push=replace(team.push, url=team.push.url + "-private"))
        (known,) = mirrors.known([elsewhere], CancelToken(), refresh=True)
        assert known.error is not None

    def test_one_that_does_not_answer_delays_only_itself(self) -> None:
        released = threading.Event()

        def ask(place: str) -> str:
            if place == "slow":
                released.wait(60)
            return place

        answers = side_by_side(["slow", "fast"], ask, CancelToken())
        assert next(answers) == "fast"
        released.set()
        assert next(answers) == "slow"

    def test_cancelling_does_not_wait_for_it(self) -> None:
        released, token = threading.Event(), CancelToken()

        def ask(_place: str) -> None:
            token.cancel()
            released.wait(60)

        with pytest.raises(Cancelled):
            list(side_by_side(["dead"], ask, token))
        released.set()


class TestHoldings:
    def test_digests_of_one_package_on_every_mirror(self, make, contents: ContentsMemory, database: Database) -> None:
        record = database.records[hash_of(database, "openmpi")]
        found = {one.mirror: one for one in find_holdings(make(), contents, record, CancelToken(), refresh=True)}
        assert found["team"].present is True
        assert found["team"].manifest_digest.startswith("sha256:")
        assert found["team"].blob_digest.startswith("sha256:")
        assert found["team"].stored_bytes
        assert found["scratch"].present is False

    def test_without_asking_only_what_is_remembered(
        self,
        make,
        contents: ContentsMemory,
        database: Database,
        instance: Instance,
        access: CacheAccess,
        tmp_path: Path,
    ) -> None:
        record = database.records[hash_of(database, "openmpi")]

        def team() -> object:
            holdings = find_holdings(make(), contents, record, CancelToken(), refresh=False)
            return next(one for one in holdings if one.mirror == "team")

        assert team().present is None
        known_of(make(), refresh=True)
        assert (team().present, team().manifest_digest) == (True, "")
        list(view_contents(instance, access, contents, "team", refresh=True, cwd=tmp_path, token=CancelToken()))
        assert team().manifest_digest.startswith("sha256:")


class TestCoverage:
    def view(self, make, instance: Instance, *, refresh: bool = True):
        return view_coverage(instance, instance.database(), make(), HeldBack(), CancelToken(), refresh=refresh)

    def test_environments_and_everything_explicit_by_mirrors(self, make, instance: Instance) -> None:
        view = self.view(make, instance)
        assert [row.name for row in view.rows] == ["", "simulation"]
        columns = [mirror.mirror for mirror in view.mirrors]
        for row, cells in zip(view.rows, view.cells, strict=True):
            for cell in cells:
                assert cell is not None
                assert cell.have + cell.missing + cell.held_back == row.packages
            assert cells[columns.index("scratch")].have == 0
            assert cells[columns.index("team")].have > 0

    def test_a_mirror_of_which_nothing_is_known_has_empty_cells(self, make, instance: Instance) -> None:
        view = self.view(make, instance, refresh=False)
        assert {cell for cells in view.cells for cell in cells} == {None}

    def test_missing_is_counted_for_each_mirror_by_itself(self, make, instance: Instance, tmp_path: Path) -> None:
        """A mirror that cannot be opened has its error, and what another lacks is what a push would send."""
        database, mirrors = instance.database(), make()
        chosen = [*mirrors.chosen(), *mirrors.chosen([f"{tmp_path}/nosuch", "oci://127.0.0.1:9/nobody/there"])]

        def count(*, refresh: bool) -> dict[str, MissingCount]:
            counts = count_missing(database, mirrors, chosen, HeldBack(), CancelToken(), refresh=refresh)
            return {each.mirror.mirror: each for each in counts}

        assert {each.cell for each in count(refresh=False).values()} == {None}
        found = count(refresh=True)
        dead = found["oci://127.0.0.1:9/nobody/there"]
        assert dead.cell is None
        assert dead.mirror.error is not None
        missing = find_missing(instance, database, known_of(mirrors)["team"], HeldBack(), CancelToken())
        assert found["team"].cell == CoverageCell(missing.have, len(missing.hashes), len(missing.held_back))
        assert found["team"].mirror.read_at is not None
        assert count(refresh=False)["team"] == found["team"]

    def test_missing_are_dependencies_as_well_in_pushing_order(self, make, instance: Instance) -> None:
        database = instance.database()
        team = known_of(make(), refresh=True)["team"]
        missing = find_missing(instance, database, team, HeldBack(), CancelToken(), environment="simulation")
        names = [database.records[dag_hash].name for dag_hash in missing.hashes]
        assert "openmpi" not in names
        assert names.index("fftw") < names.index("gromacs")
        assert not any(database.records[dag_hash].external for dag_hash in missing.hashes)
        assert missing.have > 0
        explicit = find_missing(instance, database, team, HeldBack(), CancelToken())
        assert [database.records[dag_hash].name for dag_hash in explicit.held_back] == ["namd"]
        single = find_missing(
            instance, database, team, HeldBack(), CancelToken(), hashes=(hash_of(database, "openmpi"),)
        )
        assert single.hashes == ()

    def test_all_that_is_installed_against_all_that_is_there(self, make, instance: Instance) -> None:
        database = instance.database()
        team = known_of(make(), refresh=True)["team"]
        openmpi = hash_of(database, "openmpi")
        less = Database("/", 8, {key: record for key, record in database.records.items() if key != openmpi})
        found = compare_installed(less, team, HeldBack(), lambda records: 7 * len(records), CancelToken())
        assert [package.name for package in found.missing_here] == ["openmpi"]
        assert found.missing_here_bytes is None
        assert found.missing_there_bytes == 7 * len(found.missing_there)
        assert set(found.both).isdisjoint(found.missing_there)
        assert hash_of(database, "hwloc") in found.both
        installed = sum(record.state == "installed" for record in less.records.values())
        assert len(found.both) + len(found.missing_there) + len(found.held_back) == installed
