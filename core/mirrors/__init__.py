# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An entry of mirrors.yaml: its model, urls and how an argument becomes a mirror.

Must not read or write caches.
"""
