# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The engine of Mirrordeck: everything but the window. Never imports Qt; see each folder for what lives there."""
