# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What each request of the window does: one method for each call, nothing but a hand-over to the services.

One module for each area, with a class that is given the engine's state; its `table` names what it answers.
"""
