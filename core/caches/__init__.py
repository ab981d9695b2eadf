# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a build cache is: layout 3 in folders; index, entries. The only place where Spack's formats meet storage.

Must not know about transfers, services or the window.
"""
