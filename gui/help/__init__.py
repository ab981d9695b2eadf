# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The user guide, shown inside the program."""
