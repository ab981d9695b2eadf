# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Everything about one installed package that needs no network."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.foundation.errors import DatabaseError
from core.services.environments import concrete_environments
from core.services.package_graph import all_dependencies, all_dependents, dependencies_of, dependents_of
from core.services.package_values import PackageDetails, RelocationOutlook
from core.spack.database import Database
from core.spack.formats import compilers_of, default_format, parameter_texts
from core.spack.install_trees import unpad_root
from core.spack.instance import Instance
from core.spack.specs import FLAG_NAMES, PackageRecord, PackageState, spec_document


def describe_package(instance: Instance, database: Database, record: PackageRecord) -> PackageDetails:
    """Reads the lock files of environments and nothing else. Never raises."""
    node = record.node
    texts = parameter_texts(node)
    return PackageDetails(
        hash=record.hash,
        name=record.name,
        version=record.version,
        text=default_format(node),
        variants=tuple((name, text) for name, text in texts if name not in FLAG_NAMES),
        flags=tuple((name, text) for name, text in texts if name in FLAG_NAMES and text),
        platform=node.platform,
        os=node.os,
        target=node.target,
        compilers=" ".join(compilers_of(record, database.records)) or node.annotated_compiler,
        namespace=node.namespace,
        package_hash=node.package_hash,
        build_spec=node.build_spec_hash,
        prefix=record.prefix or "",
        install_root=record.install_root,
        external_modules=(node.external.module or ()) if node.external is not None else (),
        installed_at=record.installation_time,
        explicit=record.explicit,
        state=record.state,
        deprecated_for=record.deprecated_for or "",
        upstream=record.upstream,
        specfile_version=record.specfile_version,
        environments=tuple(
            each.environment.name
            for each in concrete_environments(instance)
            if record.hash in each.lock.nodes or record.hash in each.lock.roots
        ),
        dependencies=dependencies_of(record, database),
        dependents=dependents_of(record, database),
        all_dependencies=len(all_dependencies(database, [record.hash])) - 1,
        all_dependents=len(all_dependents([record.hash], database)) - 1,
        relocation=_outlook(record) if record.state is PackageState.INSTALLED else None,
        document=_document(record, database),
    )


def _outlook(record: PackageRecord) -> RelocationOutlook:
    """Spack 1.1, seen when it installs from caches: text and links may grow, strings in binaries may not."""
    root, prefix = len(record.install_root), len(record.prefix or "")
    padding = root - len(str(unpad_root(Path(record.install_root))))
    words = f"Binaries of this package can be installed below roots of up to {root} characters"
    if padding:
        words += f", {padding} of which are padding for just that"
    else:
        words += "; config:install_tree:padded_length makes room for longer ones, for packages installed after that"
    return RelocationOutlook(root, padding, prefix, f"{words}.")


def _document(record: PackageRecord, database: Database) -> str:
    try:
        document = spec_document(record, database.records)
    except DatabaseError:  # of an older Spack, or not complete: then it cannot be published, but it can be read
        document = record.document
    return msgspec.json.format(document, indent=2).decode()
