"""The script that Redis runs for every step of a ledger, and how it is asked to.

A transaction is a generator: it yields commands, and gets their answers, or what was raised instead.
"""

from collections.abc import Callable, Generator
from hashlib import sha1
from typing import Any, Final, TypeAlias

__all__ = ["SCRIPT", "TIMEOUT", "Transaction", "run_script"]

#: What Redis does not answer within this is left, seconds.
TIMEOUT: Final = 0.25

#: Writes an image if the one it was made from is still there, or counts a lease of a window if that image is, and there
#: is room; returns what is there and who is at work. Leases are kept apart from the image: sixteen processes that want
#: one at once each get it with one question, where images were written in the place of each other a hundred times. A
#: step that is asked for again is known by the version that its process came with last, and is taken once: the answer
#: is 1, or 2 where others have written another image since. The clock is that of Redis: how far this machine's is off,
#: or another's, is of no concern.
SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local key, me, said, known, image, new = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local written, lapse, keep = tonumber(ARGV[6]) or now, tonumber(ARGV[7]), ARGV[8]
local size, room, seen = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
if math.abs(now - written) > 1000000 then written = now end
local version = redis.call('HGET', key, 'version') or ''
local leased = tonumber(redis.call('HGET', key, 'leased') or 0)
local same, stored, looks = version == known, 0, image == '' and size == 0
local last = string.match(redis.call('HGET', key, me) or '', '^%d+ (%S+) ')
if last == new and not looks then
  stored = (version == new or image == '' and same) and 1 or 2
elseif image ~= '' and same and leased == seen then
  stored, version, leased = 1, new, 0
  redis.call('HSET', key, 'version', new, 'image', image, 'at', string.format('%.0f', written), 'leased', 0)
elseif size > 0 and same and leased + size <= room then
  stored, leased = 1, leased + size
  redis.call('HSET', key, 'leased', leased)
end
if last ~= new and (looks or stored == 1) then
  redis.call('HSET', key, me, string.format('%.0f', written) .. ' ' .. new .. ' ' .. said)
end
redis.call('PEXPIRE', key, keep)
local found = redis.call('HGETALL', key)
local all, at, held = {}, now, ''
for i = 1, #found, 2 do
  local name, value = found[i], found[i + 1]
  if name == 'at' then at = tonumber(value)
  elseif name == 'image' then if not same then held = value end
  elseif name ~= 'version' and name ~= 'leased' and name ~= me then
    local when, what = string.match(value, '^(%d+) %S+ (.*)$')
    local age = when and math.max(0, now - tonumber(when)) or lapse
    if age >= lapse then redis.call('HDEL', key, name)
    else all[#all + 1] = what; all[#all + 1] = string.format('%.0f', age) end
  end
end
return {stored, version, string.format('%.0f', now), string.format('%.0f', at), held, all, leased}
"""

_SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

Transaction: TypeAlias = Generator[tuple[Any, ...], Any, None]


def run_script(
    arguments: tuple[Any, ...], clock: Callable[[], float], may_wait: Callable[[float], bool]
) -> Generator[tuple[Any, ...], Any, tuple[Any, float]]:
    """Have Redis run the script; return what it answers, and when it was asked.

    What is late is asked again while calls wait: a step that writes is known by its version if it was taken already.

    Args:
        arguments: of the script, its key before them.
        clock: the time, seconds.
        may_wait: whether somebody still waits at a moment.
    """
    command: tuple[Any, ...] = ("EVALSHA", _SHA, *arguments)
    again = True
    while True:
        sent_at = clock()
        try:
            return (yield command), sent_at
        except Exception as error:
            name = type(error).__name__
            if name != "TimeoutError":  # an idle connection may have ended unnoticed
                if not again or name not in {"NoScriptError", "ConnectionError"}:
                    raise
                again = False
            elif not may_wait(clock() + TIMEOUT):
                raise
        command = ("EVAL", SCRIPT, *arguments)
