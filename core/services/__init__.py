# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Use cases, one function for each thing a person can do; frozen dataclasses in and out.

Must not print, prompt or know who calls.
"""
