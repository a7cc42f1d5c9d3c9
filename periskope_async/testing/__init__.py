"""A fake Periskope service for tests: real HTTP on loopback, stateful, faulty on demand.

It must not know the client: it is as strict with ours as with anybody's.
"""

from periskope_async.testing._deliveries.deliveries import Deliveries
from periskope_async.testing._deliveries.examples import example_delivery
from periskope_async.testing._deliveries.log import Delivery
from periskope_async.testing._deliveries.orders import DeliveryFault
from periskope_async.testing._fake import FakePeriskope
from periskope_async.testing._faults.names import HARMLESS_FAULTS, PASSING_FAULTS, SLOW_FAULTS, Fault
from periskope_async.testing._faults.plan import Faults
from periskope_async.testing._http import FOREVER, Hangup, Reply, Request, Step
from periskope_async.testing._limits import RateLimitPolicy
from periskope_async.testing._objects import FakeObjects
from periskope_async.testing._recorded import Recorded
from periskope_async.testing._run import serve
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._socket import FakeSocket

__all__ = [
    "FOREVER",
    "HARMLESS_FAULTS",
    "PASSING_FAULTS",
    "SLOW_FAULTS",
    "Assumptions",
    "Deliveries",
    "Delivery",
    "DeliveryFault",
    "FakeObjects",
    "FakePeriskope",
    "FakeSocket",
    "Fault",
    "Faults",
    "Hangup",
    "RateLimitPolicy",
    "Recorded",
    "Reply",
    "Request",
    "Step",
    "example_delivery",
    "serve",
]
