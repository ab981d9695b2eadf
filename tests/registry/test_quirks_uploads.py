# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What registries are known to do to uploads, one test for each row of the table of quirks."""

from __future__ import annotations

import pytest
from registry.clients import NAME, TOKEN, connected, content
from registry.kit.behaviour import behaving
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.foundation.digests import digest_of
from core.foundation.errors import AccessDenied, BadAnswer, NetworkDown, Refused, RemoteNotFound, ServerError, TooLarge
from core.network.bodies import BytesBody
from core.registry.chunks import FIRST_CHUNK_BYTES, smaller_chunk
from core.registry.hosts import access_remedies, missing_remedies
from core.registry.references import parse_image
from core.registry.repository import BlobOutcome, Repository

MIB = 1 << 20
SMALL = content(50_000)
LARGE = content(20 * MIB)


def upload(repository: Repository, data: bytes, **options: object) -> BlobOutcome:
    return repository.upload(digest_of(data), BytesBody(data), token=TOKEN, **options)  # type: ignore[arg-type]


def pieces(registry: FakeRegistry) -> list[tuple[str, int]]:
    return [(request.method, len(request.body)) for request in registry.requests if request.method in ("PATCH", "PUT")]


def stored(registry: FakeRegistry, data: bytes) -> bool:
    return registry.blobs[NAME].get(digest_of(data)) == data


def test_q01_ghcr_takes_everything_at_once_but_no_large_pieces(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("ghcr")
    with connected(registry) as repository:
        upload(repository, LARGE)
    assert pieces(registry) == [("PUT", 20 * MIB)]
    assert stored(registry, LARGE)


def test_q01_ghcr_states_its_limit_when_pieces_are_too_large(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("ghcr")
    with connected(registry) as repository:
        upload(repository, LARGE, chunk_bytes=8 * MIB)
    assert stored(registry, LARGE)
    sizes = {size for method, size in pieces(registry)[1:]}
    assert sizes == {4 * MIB}


def test_q02_ghcr_403_names_the_setting_of_the_package() -> None:
    remedies = access_remedies(parse_image("ghcr.io/org/cache"))
    assert "https://github.com/org?tab=packages&q=cache" in remedies[0]
    assert "Manage Actions access" in remedies[0]


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_q02_ghcr_403_is_not_taken_for_a_missing_blob(registry: FakeRegistry, method: str) -> None:
    body = '{"errors":[{"code":"DENIED","message":"permission_denied: write_package"}]}'
    registry.faults.add(method=f"{method}|GET", path="/blobs/", status=403, body=body, times=None)
    if method == "POST":
        registry.faults.clear()
        registry.faults.add(method="POST", status=403, body=body, times=None)
    with connected(registry) as repository, pytest.raises(AccessDenied, match="write_package"):
        upload(repository, SMALL)
    assert not registry.seen("PUT")


def test_q12_ecr_wants_the_repository_to_exist(registry: FakeRegistry) -> None:
    body = '{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name lab/img does not exist"}]}'
    registry.faults.add(method="POST", status=404, body=body)
    with connected(registry) as repository, pytest.raises(RemoteNotFound, match="does not exist") as caught:
        upload(repository, SMALL)
    assert caught.value.remedies[0].startswith("Create the repository")
    ecr = parse_image("123456789012.dkr.ecr.eu-west-1.amazonaws.com/lab/img")
    command = "aws ecr create-repository --region eu-west-1 --repository-name lab/img"
    assert missing_remedies(ecr) == (f"Create the repository first: {command}",)


def test_q14_ecr_repeats_the_first_range_and_dislikes_an_empty_end(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("ecr")
    data = content(12_000)
    with connected(registry) as repository:
        upload(repository, data, chunk_bytes=3000)
    assert stored(registry, data)
    assert pieces(registry) == [("PATCH", 3000)] * 3 + [("PUT", 3000)]


def test_q14_ecr_after_a_break_a_stuck_range_is_not_believed(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("ecr")
    registry.faults.add(method="PATCH", nth=3, silent=True)
    data = content(12_000)
    with connected(registry) as repository:
        upload(repository, data, chunk_bytes=3000)
    assert stored(registry, data)
    assert not registry.uploads.sessions


def test_q17_ecr_mounts_nothing_that_is_not_referenced(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("ecr", mount=False)
    registry.add_blob("lab/other", SMALL)
    with connected(registry) as repository:
        assert upload(repository, SMALL, mount_from=["lab/other"]) == BlobOutcome.UPLOADED
    assert stored(registry, SMALL)


def test_q20_quay_refuses_very_large_puts(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("quay", largest_body=6 * MIB)
    steps: list[int] = []
    with connected(registry) as repository:
        upload(repository, LARGE, progress=steps.append)
    assert stored(registry, LARGE)
    assert pieces(registry) == [("PUT", 20 * MIB)] + [("PATCH", 5 * MIB)] * 3 + [("PUT", 5 * MIB)]
    assert sum(steps) == 20 * MIB
    assert not registry.uploads.sessions


def test_q21_gar_takes_no_pieces(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("gar")
    data = content(12_000)
    with connected(registry) as repository:
        upload(repository, data, chunk_bytes=3000)
        assert stored(registry, data)
        registry.requests.clear()
        upload(repository, SMALL)
    assert pieces(registry) == [("PUT", len(SMALL))]


def test_q21_gar_with_a_limit_says_why_it_cannot_be(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("gar", largest_body=6 * MIB)
    with connected(registry) as repository, pytest.raises(TooLarge):
        upload(repository, LARGE)
    assert not registry.uploads.sessions


def test_q23_harbor_answers_a_mount_with_a_session(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("harbor", location="relative")
    registry.add_blob("lab/other", SMALL)
    with connected(registry) as repository:
        assert upload(repository, SMALL, mount_from=["lab/other"]) == BlobOutcome.UPLOADED
    assert len(registry.seen("POST")) == 1, "the session of the mount was not used"
    assert not registry.uploads.sessions


def test_q23_harbor_behind_nginx_413_means_pieces(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("harbor", location="relative", largest_body=6 * MIB)
    with connected(registry) as repository:
        upload(repository, LARGE)
        assert stored(registry, LARGE)
        registry.requests.clear()
        upload(repository, content(18 * MIB))
    assert pieces(registry)[0] == ("PATCH", 5 * MIB), "what the registry takes was forgotten"


def test_q25_artifactory_stores_the_last_piece_only(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("artifactory")
    data = content(12_000)
    with connected(registry) as repository:
        upload(repository, data, chunk_bytes=3000)
    assert stored(registry, data), "the wrong size was not noticed"


def test_q25_artifactory_that_also_refuses_everything_at_once(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("artifactory", largest_body=6 * MIB)
    with connected(registry) as repository, pytest.raises(BadAnswer, match="did not keep"):
        upload(repository, LARGE)


def test_q32_order_of_pieces_is_ours_to_keep(registry: FakeRegistry) -> None:
    """2.8 appends whatever comes, so a lost answer must not lead to the same piece twice."""
    registry.behaviour = behaving("distribution-2.8")
    registry.faults.add(method="PATCH", nth=2, silent=True, serve=True)
    registry.faults.add(method="PATCH", nth=3, silent=True)
    data = content(12_000)
    with connected(registry) as repository:
        upload(repository, data, chunk_bytes=3000)
    assert stored(registry, data)


def test_q33_only_the_newest_location_works(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("distribution-2.8")
    data = content(12_000)
    with connected(registry) as repository:
        upload(repository, data, chunk_bytes=3000)
    assert stored(registry, data)
    states = [request.argument("_state") for request in registry.requests if request.argument("_state")]
    assert states == ["1", "2", "3", "4"]
    assert len(registry.seen("POST")) == 1


def test_q34_a_failed_put_ends_the_session(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("distribution-2.8")
    registry.faults.add(method="PUT", status=500)
    with connected(registry) as repository:
        upload(repository, SMALL)
    assert stored(registry, SMALL)
    assert len(registry.seen("POST")) == 2
    assert not registry.uploads.sessions


def test_q34_a_cut_piece_ends_the_session(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("distribution-2.8")
    registry.faults.add(method="PATCH", nth=2, cut_request=1000, reset=True)
    registry.faults.add(method="GET", path="/uploads/", status=404, body='{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}')
    data = content(12_000)
    steps: list[int] = []
    with connected(registry) as repository:
        upload(repository, data, chunk_bytes=3000, progress=steps.append)
    assert stored(registry, data)
    assert len(registry.seen("POST")) == 2
    assert sum(steps) == len(data)


def test_q35_sessions_of_failed_mounts_are_used_or_given_back(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("distribution-2.8")
    with connected(registry) as repository:
        upload(repository, SMALL, mount_from=["lab/a", "lab/b"])
    assert len(registry.seen("POST")) == 2
    assert len(registry.seen("DELETE")) == 1
    assert not registry.uploads.sessions


def test_q39_back_ends_with_different_secrets_are_explained(registry: FakeRegistry) -> None:
    body = '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry"}]}'
    registry.faults.add(method="PUT", status=404, body=body, times=None)
    with connected(registry) as repository, pytest.raises(ServerError, match="lost the upload") as caught:
        upload(repository, SMALL)
    assert "http.secret" in caught.value.remedies[0]
    assert 2 <= len(registry.seen("PUT")) <= 4


def test_q39_now_and_then_the_right_back_end_answers(registry: FakeRegistry) -> None:
    registry.faults.add(method="PUT", status=404, times=2)
    with connected(registry) as repository:
        upload(repository, SMALL)
    assert stored(registry, SMALL)


@pytest.mark.parametrize("reset", [True, False])
def test_q41_two_breaks_at_one_place_mean_a_limit(registry: FakeRegistry, reset: bool) -> None:
    registry.faults.add(method="PUT", cut_request=6 * MIB, reset=reset, times=2)
    with connected(registry) as repository:
        upload(repository, LARGE)
    assert stored(registry, LARGE)
    assert pieces(registry)[2:] == [("PATCH", 5 * MIB)] * 3 + [("PUT", 5 * MIB)]


def test_q41_breaks_of_small_blobs_stay_breaks(registry: FakeRegistry) -> None:
    registry.faults.add(method="PUT", cut_request=1000, reset=True, times=None)
    with connected(registry) as repository, pytest.raises(NetworkDown):
        upload(repository, content(2 * MIB))
    assert not registry.seen("PATCH")


def test_q41_413_of_a_proxy_that_closes_early(registry: FakeRegistry) -> None:
    page = "<html><head><title>413 Request Entity Too Large</title></head></html>"
    registry.faults.add(method="PUT", status=413, body=page, headers={"Content-Type": "text/html"}, early=True)
    with connected(registry) as repository:
        upload(repository, LARGE)
    assert stored(registry, LARGE)


def test_q42_behind_a_cap_pieces_begin_with_64_mib(registry: FakeRegistry) -> None:
    assert smaller_chunk(120 * MIB, "Payload Too Large") == FIRST_CHUNK_BYTES
    assert FIRST_CHUNK_BYTES < 100_000_000
    registry.behaviour = behaving("correct", largest_body=5 * MIB, too_large_html=True)
    with connected(registry) as repository:
        upload(repository, LARGE)
    assert stored(registry, LARGE)


@pytest.mark.parametrize("status", [401, 403, 404, 400, 405, 500])
def test_q45_a_source_we_may_not_read_is_no_obstacle(registry: FakeRegistry, status: int) -> None:
    registry.faults.add(method="POST", path="mount=", status=status, times=None)
    with connected(registry) as repository:
        assert upload(repository, SMALL, mount_from=["private/img"]) == BlobOutcome.UPLOADED
    assert stored(registry, SMALL)


def test_q45_with_tokens(registry: FakeRegistry, clock: FakeClock) -> None:
    registry.behaviour = behaving("hub")
    registry.authority.kind = "bearer"
    registry.authority.several_scopes = False
    registry.add_blob("private/img", SMALL)
    with connected(registry, clock=clock, plain_passwords=True) as repository:
        assert upload(repository, SMALL, mount_from=["private/img"]) == BlobOutcome.UPLOADED
    assert stored(registry, SMALL)


def test_a_limit_below_every_piece_is_an_error(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", largest_body=MIB)
    with connected(registry) as repository, pytest.raises(TooLarge):
        upload(repository, LARGE)
    assert not registry.uploads.sessions


def test_a_limit_below_the_least_piece_is_an_error(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", largest_body=6 * MIB, least_chunk=8 * MIB)
    with connected(registry) as repository, pytest.raises((TooLarge, Refused)):
        upload(repository, LARGE)
    assert len(registry.requests) < 20
