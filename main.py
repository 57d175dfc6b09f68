"""kytos/settings for kytosd: the package in bridge/, which must be installed there."""

from kytos_settings.napp.main import Main

__all__ = ["Main"]
