# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plan, queue, outcome: scheduler, journal, progress.

Must not know the window or the terminal.
"""
