# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The process behind the window: requests in; replies, batches and snapshots out, one JSON object a line.

Must not hold use cases of its own: it calls services.
"""
