# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Engines on other computers and of other accounts, as the window knows them."""
