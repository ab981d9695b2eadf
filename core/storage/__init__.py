# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys to bytes in a folder, atomically.

Must not know Spack.
"""
