# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Errors and their words, digests, the cancel token, atomic files, the places on disk.

Must not import anything else of core.
"""
