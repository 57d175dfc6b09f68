"""kytos/settings has no settings in Python; kytosd reloads only NApps that have this file."""
