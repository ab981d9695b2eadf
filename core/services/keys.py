# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keys of an instance and of its mirrors: looked at, made, trusted, published, used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.caches.folder_cache import FolderCache
from core.caches.opening import CacheAccess
from core.caches.protocol import BuildCache
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import (
    ErrorInfo,
    MirrordeckError,
    NotFound,
    SigningError,
    UsageError,
    from_os_error,
)
from core.foundation.files import atomic_write
from core.foundation.secret import Secret
from core.foundation.text import format_duration, plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.contents import list_contents
from core.services.keys_values import (
    EXPIRY_WARNING_S,
    KeyOffer,
    KeySource,
    KeysView,
    MirrorKeys,
    OfferedKey,
    SigningStep,
    SignRequest,
)
from core.signing.gnupg_process import find_gpg
from core.signing.gpg import GpgSigner
from core.signing.key_listing import Key
from core.signing.key_store import KEY_LIMIT_BYTES, KeyStore, NewKey
from core.spack.instance import Instance
from core.transfers.history import Action, noted, record

_FOR_ONESELF = 0o600
_SECRET_MARK = b"PRIVATE KEY BLOCK"
_SHIPPED = Path("var/spack/gpg")


@dataclass(frozen=True, slots=True)
class Keys:
    """`cwd` is what relative paths are relative to. Methods block, may be called from any thread, and raise
    SigningError besides what they say."""

    instance: Instance
    access: CacheAccess
    cwd: Path
    clock: Clock = field(default_factory=Clock)

    @property
    def store(self) -> KeyStore:
        return KeyStore(self.instance.gnupg_home)

    def view(self) -> KeysView:
        """The keys that are here. Nothing is changed, no home is made."""
        home, has_gpg = self.instance.gnupg_home, find_gpg() is not None
        keys = self.store.known() if has_gpg else ()
        return KeysView(str(home), has_gpg, keys, tuple(self._warnings(keys)))

    def published(self, token: CancelToken) -> Iterator[MirrorKeys]:
        """Which keys each binary mirror has, one mirror after another."""
        for mirror in mirrors_of(self.instance).mirrors:
            token.raise_if_cancelled()
            if mirror.binary:
                yield self._published_on(mirror, token)

    # ---------------------------------------------------------------- this home

    def create(self, wanted: NewKey, passphrase: Secret | None) -> Key:
        """Make a key. One that has a passphrase is unlocked for this process."""
        key = self.store.create(wanted, passphrase)
        if passphrase:
            self.access.gnupg.unlock(key.fingerprint, passphrase)
        self._record(Action.MADE_KEY, (key,))
        return key

    def offer(self, source: KeySource, token: CancelToken) -> KeyOffer:
        """What `source` holds, for a person to compare fingerprints. Nothing is imported. Raises NotFound, CacheError
        and what the mirror raises."""
        found, problems = self._sorted(source, token)
        known = {key.fingerprint for key in self.store.known()}
        keys = [key for keys, _ in found for key in keys]
        return KeyOffer(source, tuple(OfferedKey(key, key.fingerprint in known) for key in keys), tuple(problems))

    def trust(self, source: KeySource, fingerprints: Sequence[str], token: CancelToken) -> tuple[Key, ...]:
        """Import and trust keys of `source` whose fingerprints a person has seen; what belongs together is imported
        only if all of it was. Raises as `offer`; SigningError, with nothing imported, for what is not there (any
        more)."""
        wanted = set(fingerprints)
        found, _ = self._sorted(source, token)
        chosen = [(keys, data) for keys, data in found if wanted & {key.fingerprint for key in keys}]
        there = {key.fingerprint for keys, _ in chosen for key in keys}
        if there != wanted or not wanted:
            odd = ", ".join(sorted(there ^ wanted)) or "no key was named"
            raise SigningError("No key was imported", f"These are not the keys that were looked at: {odd}")
        return self._record(Action.TRUSTED_KEY, tuple(key for _, data in chosen for key in self.store.trust(data)))

    def untrust(self, names: Sequence[str], *, signing: bool) -> tuple[Key, ...]:
        """Delete keys, those that can sign only with `signing`. Raises SigningError."""
        return self._record(Action.DELETED_KEY, self.store.untrust(names, signing=signing))

    def trust_shipped(self) -> tuple[Key, ...]:
        """The keys that come with Spack itself, as `spack gpg init` takes them."""
        root = self.instance.root
        files = sorted((root / _SHIPPED).glob("*.key")) if root is not None else []
        return self._record(Action.TRUSTED_KEY, tuple(key for path in files for key in self.store.trust(_read(path))))

    def export(
        self, names: Sequence[str], path: Path, *, secret: bool = False, passphrase: Secret | None = None
    ) -> None:
        """Write keys to a file, secret ones for this user alone; without names those that can sign here. Raises
        PermissionDenied, NoSpace, StorageFailed."""
        data = self.store.export(names, secret=secret, passphrase=passphrase)
        atomic_write(self.cwd / path, data, mode=_FOR_ONESELF if secret else None)

    # ---------------------------------------------------------------- mirrors

    def publish(self, mirror: str, names: Sequence[str], *, update_index: bool) -> tuple[Key, ...]:
        """Store public keys on a mirror, all that are known if none is named. Nobody finds them there before the list
        of keys is updated. Raises UsageError for a mirror that cannot hold any, and what the cache raises."""
        chosen = self.named(names) if names else self.store.known()
        if not chosen:
            raise SigningError("No key was published", f"{self.store.home} holds no keys")
        cache = self._open(mirror)
        exported = {key.fingerprint: self.store.export([key.fingerprint], secret=False) for key in chosen}
        cache.prepare(None)
        cache.store_keys(exported, listed=update_index)
        return self._record(Action.PUBLISHED_KEY, chosen, mirror)

    def named(self, names: Sequence[str]) -> tuple[Key, ...]:
        """The keys named by fingerprint, its end or a part of the user id. Raises SigningError for unknown ones."""
        known = self.store.known()
        for name in names:
            if not any(key.answers_to(name) for key in known):
                raise SigningError("No such key", f"{self.store.home} holds no key {name!r}")
        return tuple(key for key in known if any(key.answers_to(name) for name in names))

    def list_published(self, mirror: str) -> None:
        """Make the list of keys of a mirror agree with the keys that lie there. Raises as `publish`."""
        self._open(mirror).store_keys({}, listed=True)

    def allow(self, mirror: str, fingerprints: Sequence[str]) -> None:
        """Let only these keys sign for a mirror, every known one if none is named. Raises UsageError, ConfigError."""
        found = self._resolve(mirror)
        for url in {found.fetch.url, found.push.url} - {""}:
            self.access.trust.put(url, fingerprints)
        named = ", ".join(fingerprints) or "every known key"
        record([noted(Action.ALLOWED_KEYS, found.name or mirror, url=found.push.url, subject=named)])

    def sign(self, request: SignRequest, token: CancelToken) -> Iterator[SigningStep]:
        """Sign what is unsigned in a folder, or take signatures off. The last step says what became of it. Raises
        UsageError, QueryError, NotFound, PassphraseNeeded, and what the folder raises."""
        cache = self._open(request.mirror)
        if not isinstance(cache, FolderCache):
            raise UsageError(f"Packages in {request.mirror} cannot be signed", "Spack has no signatures in registries")
        signer = None
        if not request.drop:
            key = self.access.choose_key(cache.url, request.key or None)
            signer = GpgSigner(self.access.gnupg, key.fingerprint)
        changed = 0
        try:
            for step in cache.change_signatures(signer, self._hashes(request, token), token):
                changed = step.changed
                yield step
        finally:
            if changed:
                detail = f"by {signer.fingerprint}" if signer is not None else "signatures were taken off"
                subject = plural(changed, "package")
                record([noted(Action.SIGNED, request.mirror, url=cache.url, subject=subject, detail=detail)])

    # ---------------------------------------------------------------- parts

    def _record(self, action: Action, keys: tuple[Key, ...], where: str = "") -> tuple[Key, ...]:
        """`keys` themselves, once it is noted what was done with them."""
        place = where or str(self.store.home)
        record(noted(action, place, subject=key.user_id, dag_hash=key.fingerprint) for key in keys)
        return keys

    def _warnings(self, keys: Sequence[Key]) -> Iterator[ErrorInfo]:
        now = self.clock.now()
        for key in keys:
            left = key.expires - now if key.expires is not None and not key.problem else None
            if left is not None and left < EXPIRY_WARNING_S:
                title = f"The key of {key.user_id} expires in {format_duration(max(left, 0))}"
                why = "What it signed is refused then" if not key.secret else "Then nothing can be signed with it"
                yield ErrorInfo("key-expires", title, f"{why} ({key.fingerprint}).")
        signing = [key for key in keys if key.secret and not key.problem]
        if len(signing) > 1:
            why = "Spack refuses to choose one: each push has to name it (`--key`)."
            yield ErrorInfo("several-keys", f"{plural(len(signing), 'key')} can sign here", why)

    def _published_on(self, mirror: Mirror, token: CancelToken) -> MirrorKeys:
        url = mirror.fetch.url
        try:
            allowed = self.access.trust.of(url)
            found = self.access.open(mirror, Direction.FETCH).published_keys(token=token)
        except MirrordeckError as error:
            return MirrorKeys(mirror.name, url, problem=error.info())
        if found is None:
            return MirrorKeys(mirror.name, url, possible=False)
        writable = mirror.push.folder is not None
        return MirrorKeys(mirror.name, url, True, writable, found.listed, found.unlisted, allowed)

    def _sorted(
        self, source: KeySource, token: CancelToken
    ) -> tuple[list[tuple[tuple[Key, ...], bytes]], list[ErrorInfo]]:
        """Keys of a source as they lie there together, and what is wrong with others."""
        if source.file:
            data = _read(self.cwd / source.file)
            return [(self.store.look(data), data)], []
        cache = self.access.open(self._resolve(source.mirror), Direction.FETCH)
        found: list[tuple[tuple[Key, ...], bytes]] = []
        problems: list[ErrorInfo] = []
        for fingerprint, data in cache.public_keys(token=token).items():
            try:
                found.append((self._look_published(fingerprint, data), data))
            except SigningError as error:
                problems.append(error.info())
        return found, problems

    def _look_published(self, fingerprint: str, data: bytes) -> tuple[Key, ...]:
        """The one key that is published under `fingerprint`."""
        keys = self.store.look(data)
        if _SECRET_MARK in data or [key.fingerprint for key in keys] != [fingerprint]:
            why = "What lies there under that fingerprint is something else, or more"
            raise SigningError(f"The published key {fingerprint} cannot be taken", why)
        return keys

    def _hashes(self, request: SignRequest, token: CancelToken) -> frozenset[str] | None:
        if not request.hashes and not request.queries:
            return None
        hashes = set(request.hashes)
        if request.queries:
            found = list_contents(
                self.instance, self.access, request.mirror, request.queries, cwd=self.cwd, token=token
            )
            if not found.entries:
                why = "; ".join(problem.sentence() for problem in found.problems)
                raise NotFound(f"Nothing in {request.mirror} matches {' '.join(request.queries)}", why)
            hashes |= {entry.entry.hash for entry in found.entries}
        return frozenset(hashes)

    def _open(self, mirror: str) -> BuildCache:
        return self.access.open(self._resolve(mirror), Direction.PUSH)

    def _resolve(self, mirror: str) -> Mirror:
        return resolve_mirror(mirror, mirrors_of(self.instance), cwd=self.cwd)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(KEY_LIMIT_BYTES + 1)
    except OSError as error:
        raise from_os_error(error, "The key cannot be read", path) from error
