"""The operations on groups, which are chats. It must not know sockets, faults or rate limits."""

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_PHONE, invite_link
from periskope_async.testing._service.answers import Answer, error, invalid, not_found
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.chats import CHATS
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.fields import FLAG, NUMBER, REQUIRED_TEXT, TEXT, Body, object_of, several
from periskope_async.testing._service.made_up.chats import make_member, new_chat
from periskope_async.testing._service.operations import read
from periskope_async.testing._service.router import Call, Route

__all__ = ["ROUTES"]

#: From a key of a request to the key of a chat.
_TEXTS: Final = {
    "description": "group_description",
    "group_name": "chat_name",
    "image": "chat_image",
    "name": "chat_name",
}
_FLAGS: Final = {"infoAdminsOnly": "info_admins_only", "messagesAdminsOnly": "messages_admins_only"}
#: What of settings counts where a call leaves it out, if it is assumed that they are reset.
_DEFAULTS: Final = {"memberAddMode": True, "infoAdminsOnly": False, "messagesAdminsOnly": False}

_Step = Callable[[Call, Json, str], Json]


def _create(call: Call) -> Answer:
    state, chats = call.state, call.objects
    options: Json = call.body.get("options") or {}
    with state.lock:
        chat_id = _new_id(chats)
        group = new_chat(chat_id, state.timestamp())
        sent = options | {"group_name": call.body["group_name"], "memberAddMode": options.get("addMembersAdminsOnly")}
        group |= _settings(_DEFAULTS | {"memberAddMode": False}) | _settings(sent)
        group |= {"org_phone": call.acting, "chat_org_phones": [call.acting], "invite_link": invite_link(chat_id)}
        group["members"] = {call.acting: _member(chat_id, call.acting, is_admin=True)}
        force = bool(options.get("force_add_participants"))
        for who in map(full_id, call.body["participants"]):
            if who not in group["members"] and _can_be_added(call, who, force=force):
                group["members"][who] = _member(chat_id, who)
        _put(call, group)
    return Answer(200, chats.body(chat_id) or b"")


def _update(call: Call) -> Answer:
    with call.state.lock:
        group = _as_admin(call)
        if isinstance(group, Answer):
            return group
        reset = _settings(_DEFAULTS) if call.state.assumptions.group_flags == "reset" else {}
        _put(call, group | reset | _settings(call.body))
        return read(call)


def _refresh_invite(call: Call) -> Answer:
    with call.state.lock:
        group = _as_admin(call)
        if isinstance(group, Answer):
            return group
        link = invite_link(f"{group['chat_id']} {group.get('invite_link')}")
        _put(call, group | {"invite_link": link})
    return Answer(200, dumps({"invite_link": link}))


def _accept_invite(call: Call) -> Answer:
    chats, phone = call.state.objects["chats"], call.acting
    with call.state.lock:
        groups = (chats.get(name) for name in chats.ids())
        group = next((group for group in groups if _leads_to(call.body["invite_code"], group)), None)
        if group is None:
            return not_found("chat")
        chat_id, members = group["chat_id"], _members(group)
        if phone in members:
            return _once_more(call, chats.body(chat_id) or b"", "The phone is in the group already")
        members[phone] = _member(chat_id, phone) | {"is_super_admin": False}
        _put(call, group | {"chat_org_phones": [*dict.fromkeys([*(group.get("chat_org_phones") or ()), phone])]})
        return Answer(200, chats.body(chat_id) or b"")


def _leave(call: Call) -> Answer:
    with call.state.lock:
        group = _group(call)
        if isinstance(group, Answer):
            return group
        if _members(group).pop(call.acting, None) is None:
            return _once_more(call, b"", "The phone is not in the group")
        _put(call, group)
    return Answer(200)


def _with_each(step: _Step) -> Callable[[Call], Answer]:
    """The operation that does *step* with each participant, and answers what became of whom."""

    def handler(call: Call) -> Answer:
        with call.state.lock:
            group = _as_admin(call)
            if isinstance(group, Answer):
                return group
            results = {who: step(call, group, who) for who in map(full_id, call.body["participants"])}
            _put(call, group)
        return Answer(200, dumps(results))

    return handler


def _add(call: Call, group: Json, who: str) -> Json:
    members = _members(group)
    if who in members:
        return {"is_success": False, "message": "Participant is already in the group"}
    if not _can_be_added(call, who, force=bool(call.body.get("force_add_participants"))):
        return {"is_success": True, "message": "Invite sent to participant", "isInviteV4Sent": True}
    members[who] = _member(group["chat_id"], who)
    return {"is_success": True, "message": "Participant added"}


def _remove(_: Call, group: Json, who: str) -> Json:
    return _NOT_IN_IT if _members(group).pop(who, None) is None else {"is_success": True}


def _set_admin(_: Call, group: Json, who: str, *, is_admin: bool) -> Json:
    member = _members(group).get(who)
    if member is None:
        return _NOT_IN_IT
    member["is_admin"] = is_admin
    return {"is_success": True}


def _group(call: Call) -> Json | Answer:
    """The group that the path names, or the refusal."""
    if call.objects.body(call.resource_id) is None:
        return not_found("chat")
    group = call.objects.get(call.resource_id)
    return group if group.get("chat_type") == "group" else not_found("group")


def _as_admin(call: Call) -> Json | Answer:
    """The group that the path names, or the refusal: also if the phone is not an admin of it."""
    group = _group(call)
    if isinstance(group, Answer) or _members(group).get(call.acting, {}).get("is_admin"):
        return group
    return _refusal(call, "Only admins of the group can do that")


def _members(group: Json) -> Json:
    """The members, to be changed. Of a group whose members nobody knows, the phone as its owner."""
    if group.get("members") is None:
        group["members"] = {_owner(group): _member(group["chat_id"], _owner(group), is_admin=True)}
    members: Json = group["members"]
    return members


def _owner(group: Json) -> str:
    phone: str = group.get("org_phone") or ORG_PHONE
    return phone


def _member(chat_id: str, who: str, *, is_admin: bool = False) -> Json:
    return make_member(chat_id, who, random.Random(who)) | {"is_admin": is_admin}  # noqa: S311  # made up


def _can_be_added(call: Call, who: str, *, force: bool) -> bool:
    return force or call.state.assumptions.strangers == "added" or call.objects.body(who) is not None


def _settings(values: Json) -> Json:
    """The fields of a chat with these settings; empty ones change nothing."""
    fields: Json = {}
    for key, value in values.items():
        if value in (None, ""):
            continue
        if key in _TEXTS or key in _FLAGS:
            fields[(_TEXTS | _FLAGS)[key]] = value
        elif key == "memberAddMode":
            fields |= {"add_members_admins_only": value, "member_add_mode": str(value).lower()}
    return fields


def _put(call: Call, group: Json) -> None:
    """Keep a group, with what follows from its members."""
    members = _members(group)
    derived = {"is_exited": _owner(group) not in members, "member_count": len(members)}
    call.objects.put(group | derived | {"updated_at": call.state.timestamp()})


def _new_id(chats: Objects) -> str:
    number = _FIRST_ID + len(chats.ids())
    while chats.last(f"{number}@g.us") is not None:
        number += 1
    return f"{number}@g.us"


def _leads_to(invite_code: str, group: Json) -> bool:
    return (group.get("invite_link") or "").rpartition("/")[2] == invite_code


def _once_more(call: Call, body: bytes, message: str) -> Answer:
    return Answer(200, body) if call.state.assumptions.once_more == "200" else _refusal(call, message)


def _refusal(call: Call, message: str) -> Answer:
    if call.state.assumptions.group_refusal == "422":
        return invalid({"params.chat_id": message})
    return error(403, "FORBIDDEN_ERROR", message)


#: The number of the first group, as WhatsApp counts them: 18 digits.
_FIRST_ID: Final = 120363_000000_000000
_NOT_IN_IT: Final[Json] = {"is_success": False, "message": "Participant is not in the group"}

_GROUP_FLAGS: Final = {"infoAdminsOnly": FLAG, "messagesAdminsOnly": FLAG}
_OPTIONS: Final = object_of(
    {
        "addMembersAdminsOnly": FLAG,
        "description": TEXT,
        "force_add_participants": FLAG,
        "image": TEXT,
        **_GROUP_FLAGS,
    }
)
_PARTICIPANTS: Final = several(NUMBER)
_NEW: Final = Body(
    "NewGroup",
    {"group_name": REQUIRED_TEXT, "participants": _PARTICIPANTS, "options": _OPTIONS},
    required=("group_name", "participants"),
)
_CHANGE: Final = Body(
    "GroupSettings",
    {"name": TEXT, "description": TEXT, "image": TEXT, "memberAddMode": FLAG, **_GROUP_FLAGS},
    any_of=True,
)
_INVITE: Final = Body("GroupInvitation", {"invite_code": REQUIRED_TEXT}, required=("invite_code",))
_MEMBERS: Final = Body("Participants", {"participants": _PARTICIPANTS}, required=("participants",))
_NEW_MEMBERS: Final = Body(
    "NewParticipants",
    {"participants": _PARTICIPANTS, "force_add_participants": FLAG},
    required=("participants",),
)
_route: Final = partial(Route, resource=CHATS, phone=True)


def _each(name: str, operation_id: str, summary: str, step: _Step, body: Body = _MEMBERS) -> Route:
    path, results = f"/chats/{{chat_id}}/{name}", "ParticipantResults"
    operation = f"groups.{name}_participants"
    handler = _with_each(step)
    return _route(operation, operation_id, "POST", path, summary, handler, result=results, body=body, errors=(403,))


ROUTES: Final = (
    _route(
        *("groups.create", "createGroup", "POST", "/chats/create", "Make a group", _create),
        result="Chat",
        body=_NEW,
    ),
    _route(
        *("groups.accept_invite", "acceptGroupInvite", "POST", "/chats/accept-invite", "Join a group", _accept_invite),
        result="Chat",
        body=_INVITE,
        errors=(403, 404),
    ),
    _route(
        *("groups.update", "updateGroupSettings", "POST", "/chats/{chat_id}/settings", "Set up one group", _update),
        result="Chat",
        body=_CHANGE,
        errors=(403,),
    ),
    _route(
        *("groups.refresh_invite", "refreshInvite", "POST", "/chats/{chat_id}/invite", "A new link", _refresh_invite),
        result="GroupInvite",
        errors=(403,),
    ),
    _route(
        *("groups.leave", "leaveGroup", "POST", "/chats/{chat_id}/leave", "Leave one group", _leave),
        result=None,
        errors=(403,),
    ),
    _each("add", "addParticipantToGroup", "Add people", _add, _NEW_MEMBERS),
    _each("remove", "removeParticipantFromGroup", "Remove people", _remove),
    _each("promote", "promoteParticipantToAdmin", "Make admins of them", partial(_set_admin, is_admin=True)),
    _each("demote", "demoteParticipantToMember", "Make members of them", partial(_set_admin, is_admin=False)),
)
