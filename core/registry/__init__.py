# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The OCI distribution protocol: references, authentication, blobs, manifests, tags.

Must not know anything of Spack; it imports core.foundation only.
"""
