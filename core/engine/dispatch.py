# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which request is answered by whom."""

from __future__ import annotations

from typing import Any

from core.engine.handlers.checks import CheckHandlers
from core.engine.handlers.contents import ContentsHandlers
from core.engine.handlers.downloads import DownloadHandlers
from core.engine.handlers.files import FileHandlers
from core.engine.handlers.history import HistoryHandlers
from core.engine.handlers.installs import InstallHandlers
from core.engine.handlers.instances import InstanceHandlers
from core.engine.handlers.keys import KeyHandlers
from core.engine.handlers.logins import LoginHandlers
from core.engine.handlers.mirrors import MirrorHandlers
from core.engine.handlers.packages import PackageHandlers
from core.engine.handlers.presence import PresenceHandlers
from core.engine.handlers.presets import PresetHandlers
from core.engine.handlers.push import PushHandlers
from core.engine.handlers.settings import SettingsHandlers
from core.engine.handlers.transfers import TransferHandlers
from core.engine.handlers.upkeep import UpkeepHandlers
from core.engine.messages import Call
from core.engine.state import EngineState, Handler


def handler_table(state: EngineState) -> dict[type[Call[Any]], Handler]:
    """The handler of every request."""
    return {
        **InstanceHandlers(state).table(),
        **MirrorHandlers(state).table(),
        **LoginHandlers(state).table(),
        **PackageHandlers(state).table(),
        **PresenceHandlers(state).table(),
        **ContentsHandlers(state).table(),
        **CheckHandlers(state).table(),
        **DownloadHandlers(state).table(),
        **FileHandlers().table(),
        **HistoryHandlers(state).table(),
        **InstallHandlers(state).table(),
        **KeyHandlers(state).table(),
        **PresetHandlers(state).table(),
        **PushHandlers(state).table(),
        **SettingsHandlers(state).table(),
        **TransferHandlers(state).table(),
        **UpkeepHandlers(state).table(),
    }
