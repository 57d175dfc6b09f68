"""Reads a JSON list of base64 texts, writes what ConfigParser() makes of each: its refusal, or every option's value or refusal."""

import base64
import configparser
import io
import json
import sys


def expand(parser, section, option):
    """The value after interpolation, or None where Python refuses it."""
    try:
        return parser.get(section, option)
    except configparser.InterpolationError:
        return None


def read(data):
    """As ConfigParser.read opens a file: UTF-8, universal newlines."""
    parser = configparser.ConfigParser()
    try:
        parser.read_file(io.TextIOWrapper(io.BytesIO(data), encoding='utf-8'))
    except configparser.Error as error:
        return {'refused': type(error).__name__}
    return {'sections': [[section, [[option, expand(parser, section, option)] for option in parser.options(section)]]
                         for section in parser.sections()]}


print(json.dumps([read(base64.b64decode(text)) for text in json.load(sys.stdin)]))
