# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The one way by which passwords and tokens enter the engine: `facade.Credentials`.

Values live in the keyring, in memory, in the environment or with tools a person chose; nothing here writes one to a
file, a log or an argument list.
"""
