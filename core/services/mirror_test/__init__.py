# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a mirror works, found out step by step: `run.test_mirror`.

Each step says what it found, how long that took, and what to do where it failed. Nothing is changed for good.
"""
