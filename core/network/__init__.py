# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Talking HTTP to one server: connections, redirects, limits, retries. Who we are there is decided elsewhere.

Must not know Spack or registries; it imports core.foundation only.
"""
