# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What Spack means and wrote down: versions, specs, queries, database, configuration, environments, instances.

Must not know mirrors, caches or packing.
"""
