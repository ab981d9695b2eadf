# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GnuPG: choosing a key, clear-signing, exporting public keys.

Must not know what it signs.
"""
