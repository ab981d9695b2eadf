# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From an installed prefix to tar.gz, digests and relocation facts.

Must not know caches or mirrors.
"""
