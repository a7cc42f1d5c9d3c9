"""The right to send one request."""

from attrs import define

from periskope_async._sansio.circuit import CircuitBreaker

__all__ = ["Permit"]


@define
class Permit:
    """The right to send one request: when it was issued, and what the ledger knew then."""

    at: float
    generation: int
    answered: int
    circuit: CircuitBreaker | None = None
    #: What the ledger's further limits knew, in their order.
    further: "tuple[Permit, ...]" = ()
    #: How many attempts of its call failed before this one.
    failures: int = 0
