"""Runs a command in a terminal of its own: `cli-terminal.py COLUMNS ROWS COMMAND...`. What comes on standard input is typed, what it shows goes to standard output."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

columns, rows, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
    os.execvp(command[0], command)

sources = [0, terminal]
while terminal in sources:
    for source in select.select(sources, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:
            data = b""  # Linux says so once nobody has the terminal any more.
        if not data:
            sources.remove(source)
        else:
            os.write(terminal if source == 0 else 1, data)

_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
