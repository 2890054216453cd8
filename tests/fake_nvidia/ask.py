"""The start of each program that asks for a device and tells what came of it, as JSON.

Only the standard library is there, so a bare package stands in for mlpcore, whose own imports
are not the subject.
"""

import json
import logging
import os
import sys
import types

sys.modules["mlpcore"] = types.ModuleType("mlpcore")
sys.modules["mlpcore"].__path__ = [os.environ["PACKAGE_FOLDER"]]

import mlpcore.device as d  # noqa: E402

log = []


class Recorder(logging.Handler):
    def emit(self, record):
        log.append(record.getMessage())


logging.getLogger("mlpcore").setLevel(logging.INFO)
logging.getLogger("mlpcore").addHandler(Recorder())


def ask(make):
    told = {}
    try:
        told["result"] = str(make())
    except d.DeviceUnavailableError as error:
        told |= {"cause": error.cause.name, "message": str(error), "headline": error.headline}
    told |= {"log": log, "cupy": "cupy" in sys.modules}
    print(json.dumps(told), flush=True)
