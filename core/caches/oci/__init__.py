# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Build caches in OCI registries: packages as images that Spack installs from and container tools run.

Knows Spack's side of it; the protocol is `core.registry`'s business.
"""
