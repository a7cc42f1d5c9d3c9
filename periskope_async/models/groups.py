"""What operations on groups answer beside chats."""

from attrs import field

from periskope_async._codec.marks import LEFT_OUT, keyed
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen

__all__ = ["GroupInvite", "ParticipantResult"]


@frozen(kw_only=True, field_transformer=identity)
class GroupInvite(Model):
    """The way into a group. Whoever has it can join, so its repr does not show it.

    Attributes:
        invite_link: the link; the service may leave it out.
    """

    invite_link: str | None = field(default=None, metadata=LEFT_OUT)


@frozen(kw_only=True, field_transformer=identity)
class ParticipantResult(Model):
    """What became of one participant of a call on many.

    Attributes:
        is_success: whether it was done. Of an add, True also where an invitation was sent instead: see `message`.
        message: what happened, in the service's words.
        code: a number for it; the service documents none.
        is_invite_sent: whether an invitation was sent instead (`isInviteV4Sent`).
    """

    is_success: bool
    message: str | None = field(default=None, metadata=LEFT_OUT)
    code: int | None = field(default=None, metadata=LEFT_OUT)
    is_invite_sent: bool | None = field(default=None, metadata=LEFT_OUT | keyed("isInviteV4Sent"))
