# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Icons and other files the program ships; read with importlib.resources."""
