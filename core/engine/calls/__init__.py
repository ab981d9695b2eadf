# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every request of the window: a struct whose class names its method and the type of its answer.

One module for each area. Values come from below, never behaviour.
"""
