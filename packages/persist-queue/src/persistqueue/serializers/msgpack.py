"""`pq_core.serializers.msgpack` under its documented import name: the same module object."""

import sys

from pq_core.serializers import msgpack
from pq_core.serializers.msgpack import *  # noqa: F403 - what a type checker sees

sys.modules[__name__] = msgpack
