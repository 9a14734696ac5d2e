"""`pq_core.serializers.cbor2` under its documented import name: the same module object."""

import sys

from pq_core.serializers import cbor2
from pq_core.serializers.cbor2 import *  # noqa: F403 - what a type checker sees

sys.modules[__name__] = cbor2
