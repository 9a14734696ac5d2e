"""`pq_core.serializers.async_pickle` under its documented import name: the same module object."""

import sys

from pq_core.serializers import async_pickle
from pq_core.serializers.async_pickle import *  # noqa: F403 - what a type checker sees

sys.modules[__name__] = async_pickle
