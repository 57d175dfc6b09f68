"""The start of the bridge in each Python process of this installation, by kytos_settings.pth.

Without a configuration nothing is installed. With it, one finder stands first in sys.meta_path; nothing
else happens before a module `napps.<username>.<name>.settings` is imported.
"""

import os
import sys


def install() -> bool:
    """Puts the hook in place, once; whether it is in place now. Never raises."""
    try:
        from kytos_settings.config import read_config
        from kytos_settings.hook import Hook

        if any(isinstance(finder, Hook) for finder in sys.meta_path):
            return True
        config = read_config()
        if config is None:
            return False
        from kytos_settings.live import Live
        from kytos_settings.overrides import Overrides

        overrides = Overrides(config)
        sys.meta_path.insert(0, Hook(overrides, Live(overrides).add))
        return True
    except Exception as error:
        sys.stderr.write("kytos_settings: the settings of the service are not used: {}\n".format(error))
        return False


def _is_configured() -> bool:
    from kytos_settings.config import is_configured

    return is_configured(os.environ)


if _is_configured():
    install()
