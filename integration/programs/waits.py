# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""usage: waits.py URL COUNT FILE: a TLS client that has its libraries mapped, waits until FILE is there, and then asks for
URL as often as COUNT says, each time over a new connection."""

import os
import ssl
import sys
import time
import urllib.request

url, count, file = sys.argv[1:]
context = ssl._create_unverified_context()
while not os.path.exists(file):
    time.sleep(0.05)
for _ in range(int(count)):
    with urllib.request.urlopen(url, context=context) as answer:
        answer.read()
