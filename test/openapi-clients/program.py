"""A program with a generated client: it prints what the service answered, as JSON."""

import importlib
import json
import pkgutil
import sys

import client as generated
from client import AuthenticatedClient
from client.api.settings import get_history, get_namespaces, get_settings, patch_settings
from client.models import JsonObject, Problem, Settings

url, token, username, name = sys.argv[1:]
# Every generated module, also those that this program does not use.
for module in pkgutil.walk_packages(generated.__path__, "client."):
    importlib.import_module(module.name)
client = AuthenticatedClient(base_url=url, token=token)
listed = get_namespaces.sync(client=client)
answer = get_settings.sync_detailed(username, name, client=client)
before = answer.parsed
assert isinstance(before, Settings)
guard = f'"{before.revision}"'


def patch(polling_time):
    body = JsonObject.from_dict({"polling_time": polling_time})
    return patch_settings.sync(username, name, client=client, body=body, if_match=guard)


patched = patch(7)
conflict = patch(8)
assert isinstance(patched, Settings) and isinstance(conflict, Problem)
history = get_history.sync(username, name, client=client)
report = {
    "listed": [one.namespace for one in listed],
    "status": answer.status_code.value,
    "before": before.data["polling_time"],
    "patched": patched.overrides["polling_time"],
    "conflict": [conflict.status, conflict.code.value],
    "history": [[one.version, one.data["polling_time"]] for one in history],
}
print(json.dumps(report))
