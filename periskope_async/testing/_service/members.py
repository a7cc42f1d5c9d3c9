"""The operations on the people of the organisation. It must not know sockets, faults or rate limits."""

from functools import partial
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import COLOURS, ORG_ID, STAFF, label_id
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import NAMES, REQUIRED_TEXT, Body, one_of, several
from periskope_async.testing._service.operations import remove
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["MEMBERS", "ROUTES", "members"]

MEMBERS: Final = Resource(
    name="member",
    plural="members",
    id_key="email",
    parameter="id",
    text_key="member_name",
    example_id=STAFF[0],
    other_id="nobody@example.com",
    unknown_values={"role": "emperor"},
    row_of=lambda member, _: member,
)
_MADE_AT: Final = "2025-11-14T07:30:47.873008+00:00"


def members(state: State) -> Objects:
    """The staff: the first owns the organisation, the others see what they may."""

    def make() -> dict[str, Json]:
        made = [_new(email, number, _MADE_AT) for number, email in enumerate(STAFF)]
        made[0] |= {"role": "admin", "is_owner": True}
        for number, member in enumerate(made, 1):
            joined = {"user_id": f"00000000-0000-4000-8000-{number:012}", "invited_at": None, "invited_by": None}
            member.update(joined, member_name=member["email"].partition("@")[0].capitalize(), is_online=False)
        return {member["email"]: member for member in made}

    return Objects(MEMBERS, MadeOnce(MEMBERS, make), state.lock, state.timestamp)


def _new(email: str, number: int, made_at: str) -> Json:
    return {
        "created_at": made_at,
        "email": email,
        "user_id": None,
        "invited_at": made_at,
        "invited_by": None,
        "org_id": ORG_ID,
        "role": "member",
        "member_image": None,
        "member_name": None,
        "is_active": True,
        "member_color": COLOURS[number % len(COLOURS)],
        "label_ids": None,
        "org_phones": None,
        "is_owner": None,
        "preferences": {"left_sidebar_open": False, "right_sidepanel_open": True, "sync_wa_unread_count": True},
        "is_online": None,
        "member_metadata": {},
    }


def _access(call: Call) -> Json:
    """The fields of a member with the access that a body names; what it leaves out stays."""
    body, fields = call.body, dict[str, object]()
    if "labels" in body:
        names = call.state.labels(",".join(body["labels"] or ()))
        fields["label_ids"] = None if body["labels"] is None else [label_id(name) for name in names]
    if "orgPhones" in body:
        fields["org_phones"] = None if body["orgPhones"] is None else [full_id(name) for name in body["orgPhones"]]
    return fields


def _invite(call: Call) -> Answer:
    state, objects = call.state, call.objects
    added, errors = list[Json](), list[Json]()
    with state.lock:
        for email in call.body["emails"]:
            # In which words the service says so nobody outside knows.
            refusal = "Member already exists" if objects.body(email) else "" if "@" in email else "Invalid email"
            if refusal:
                errors.append({"email": email, "error": {"message": refusal}})
                continue
            member = _new(email, len(objects.ids()), state.timestamp()) | {"role": call.body.get("role") or "member"}
            # The role admin has no limits.
            objects.put(member | (_access(call) if member["role"] == "member" else {}))
            added.append(objects.get(email))
    return Answer(200, dumps({"addedMembers": added, "errors": errors}))


def _update_access(call: Call) -> Answer:
    """Change those of the role member, and answer the known ones: who is unknown is left out, here at least."""
    objects, fields = call.objects, _access(call)
    if call.state.assumptions.null_access == "none":
        fields = fields | {key: list[str]() for key, value in fields.items() if value is None}
    with call.state.lock:
        known = [email for email in call.body["emails"] if objects.body(email) is not None]
        for email in known:
            if objects.get(email)["role"] == "member":
                objects.change(email, **fields)
        return Answer(200, dumps([objects.get(email) for email in known]))


def _delete(call: Call) -> Answer:
    answer = remove(call)
    if answer.status == 204 and call.state.assumptions.member_deleted == "200":
        return Answer(200, dumps({"success": True, "message": f"Member {call.resource_id} deleted successfully"}))
    return answer


_EMAILS: Final = several(REQUIRED_TEXT)
_NEW: Final = Body(
    "Invitation",
    {"emails": _EMAILS, "role": one_of("admin", "member"), "labels": NAMES, "orgPhones": NAMES},
    required=("emails",),
)
#: The vendor's types require all three, its page one of the last two; here one does.
_CHANGE: Final = Body("MemberAccess", {"emails": _EMAILS, "labels": NAMES, "orgPhones": NAMES}, required=("emails",))
_route: Final = partial(Route, resource=MEMBERS)

ROUTES: Final = (
    _route(
        *("members.invite", "inviteMembers", "POST", "/members/invite", "Invite people", _invite),
        body=_NEW,
        result="InviteResult",
    ),
    _route(
        *("members.update_access", "updateMemberAccess", "PATCH", "/members/access", "Who sees what", _update_access),
        body=_CHANGE,
        result="Member",
        array=True,
    ),
    _route(
        *("members.delete", "deleteMember", "DELETE", "/members/{id}", "Take one out", _delete),
        result=None,
        status=204,
    ),
)
