"""Reads a JSON list of texts; writes what Kytos' core makes of [daemon] in each: ConfigParser, then the types of its own options."""

import configparser
import json
import sys

INTEGERS = ('port', 'api_port', 'token_expiration_minutes', 'connection_timeout')
BOOLEANS = ('debug', 'daemon', 'api_traceback_on_500', 'enable_entities_by_default')
JSONS = ('napps_repositories', 'logger_decorators', 'napps_pre_installed', 'authenticate_urls', 'thread_pool_max_workers', 'event_buffer_conf',
         'event_buffer_monitors', 'thread_pool_queue_monitors', 'api_concurrency_limit')


def read(text):
    """Every option of [daemon] as Kytos has it."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    options = dict(parser.items('daemon'))
    for name in options:
        if name in INTEGERS:
            options[name] = int(options[name])
        elif name in BOOLEANS:
            options[name] = options[name] in ['True', True]
        elif name in JSONS:
            options[name] = json.loads(options[name])
    return options


print(json.dumps([read(text) for text in json.load(sys.stdin)]))
