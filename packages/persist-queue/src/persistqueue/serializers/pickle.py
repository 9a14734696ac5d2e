"""`pq_core.serializers.pickle` under its documented import name: the same module object."""

import sys

from pq_core.serializers import pickle
from pq_core.serializers.pickle import *  # noqa: F403 - what a type checker sees

sys.modules[__name__] = pickle
