# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Engines on other computers and of other accounts: their addresses, how they are started, and how they get there.

Must not know what is asked of an engine: that is for those who talk to it.
"""
