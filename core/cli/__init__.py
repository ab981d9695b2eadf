# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The same use cases as the window, in a terminal, with Spack's own names and flags.

Must not import gui except to open the window when no command is given.
"""
