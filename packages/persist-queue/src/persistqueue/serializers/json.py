"""`pq_core.serializers.json` under its documented import name: the same module object."""

import sys

from pq_core.serializers import json
from pq_core.serializers.json import *  # noqa: F403 - what a type checker sees

sys.modules[__name__] = json
