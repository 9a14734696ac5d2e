"""One generator an operation; see `pq_core.sql.statement` for the rules they follow."""

from pq_core.sql.plans.acked import AckedPlans
from pq_core.sql.plans.dictionary import DictionaryPlans
from pq_core.sql.plans.plain import PlainPlans

__all__ = ["AckedPlans", "DictionaryPlans", "PlainPlans"]
