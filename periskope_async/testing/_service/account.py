"""The account that all made-up objects are of: its organisation, labels and people. Nothing but data.

The organisation and its phone are those of the vendor's published example, BKT-001. Everybody else is invented: names
of nobody, addresses under example.com, and numbers of the North American 555-01XX, which are kept for fiction.
"""

import hashlib
import random
from typing import Final
from uuid import NAMESPACE_URL, uuid5

__all__ = [
    "CHAT_LABELS",
    "COLOURS",
    "LABELS",
    "NAMES",
    "ORG_ID",
    "ORG_PHONE",
    "PHONE_ID",
    "PROPERTY_IDS",
    "STAFF",
    "SUBJECTS",
    "image_url",
    "invite_link",
    "label_id",
    "lettered",
    "made_id",
    "phone_number",
]

ORG_ID: Final = "2997dd64-89bf-48d3-9a22-b314fca017e5"
_IMAGES: Final = f"https://storage.googleapis.com/periskope-images/{ORG_ID}"
ORG_PHONE: Final = "918527184400@c.us"
PHONE_ID: Final = "phone-tqhzsvcwlkbnmrxd"

LABELS: Final = ("billing", "VIP", "bug", "Ürgent", "देरी", "needs reply", "retour 📦")
CHAT_LABELS: Final = ("chatlabel1", "chatlabel2")
#: Custom properties of chats by the name that people see.
PROPERTY_IDS: Final = {"Custom Property 1": "property-tlkudzxmhjkgoktm"}

STAFF: Final = ("support@example.com", "asha@example.com", "zoe+tickets@example.com")
NAMES: Final = (
    "Asha Rao", "Parcel Desk", "Zoë Müller", "王小明", "فلان الفلاني", "Ольга", "दीपक शर्मा", "たなか",
    "O'Brien \"Ops\"",
    "👩‍👩‍👧‍👦 Family", "N'Golo \\ Sons", "e\u0301clair", "Support", "", "Łukasz", "ณัฐ",
)  # fmt: skip
SUBJECTS: Final = (
    "Refund for order", "Cannot log in", "Паролът не работи", "配送が遅れています", "فاتورة غير صحيحة",
    "Printer on fire 🔥", "डिलीवरी कब होगी?", 'Quote "urgent" \\ escape\tme', "a,b;c|d", "Größe und Maß",
)  # fmt: skip
_LETTERS: Final = str.maketrans("0123456789", "abcdefghij")
COLOURS: Final = (
    "#B4876E", "#A5B337", "#06CF9C", "#25D366", "#02A698", "#7D9EF1", "#007BFC", "#5E47DE", "#7F66FF", "#9333EA",
    "#FA6533", "#C4532D", "#DC2626", "#FF2E74", "#DB2777",
)  # fmt: skip


def lettered(number: int, length: int) -> str:
    """A number in letters, for ids that are of letters alone, as the vendor's: 12 of length 4 is `aabc`."""
    return f"{number:0{length}d}".translate(_LETTERS)


def made_id(kind: str, seed: object, number: int) -> str:
    """The UUID of thing *number* of its kind: always the same for a seed."""
    return str(uuid5(NAMESPACE_URL, f"{kind} {seed} {number}"))


def phone_number(dice: random.Random, first_area: int = 200, areas: int = 540) -> str:
    """Digits of a number that nobody has: 1, an area code, 555-01, two digits."""
    drawn = dice.randrange(10**8)
    return f"1{first_area + drawn % areas}55501{drawn // areas % 100:02d}"


def image_url(who: str) -> str:
    """Where the picture of a chat or a contact would be."""
    return f"{_IMAGES}%2F{who.replace('@', '%40')}.jpg?timestamp=1737689973340"


def invite_link(seed: str) -> str:
    """A link into a group: always the same for a seed."""
    digest = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=11).hexdigest()
    return f"https://chat.whatsapp.com/{digest}"


def label_id(name: str) -> str:
    """The id of a label: always the same for a name, whatever its case."""
    digest = hashlib.blake2b(name.casefold().encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return "label-" + "".join(chr(ord("a") + byte % 26) for byte in digest)  # letters only, as the vendor's
