# What bus-python.test.ts has the client of docs/bus.md do; prints one JSON object a line.
import json, sys
from client import SettingsBus

heard = []
bus = SettingsBus(sys.argv[1], ["settings.changed", "kytos/python.*"], heard.append)


def say(**what):
    print(json.dumps(what), flush=True)


def numbers():
    return [event["content"]["data"]["n"] for event in heard if event["name"] == "settings.changed"]


answer = bus.ask("kytos.settings.update", {"namespace": "me/counter", "data": {"n": 1, "dpid": 2**64 - 1}})
say(answered=answer["data"])
bus.listen(lambda: numbers() == [1])
try:
    bus.ask("kytos.settings.retrieve", {"namespace": "me/nobody"})
except RuntimeError as error:
    say(refused=str(error))
bus.listen(lambda: 4 in numbers())
say(heard=[[event["content"]["data"]["n"], event["content"]["origin"]] for event in heard])
say(retrieved=bus.ask("kytos.settings.retrieve", {"namespace": "me/counter"}, reads=True)["data"])
