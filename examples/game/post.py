# SPDX-License-Identifier: Apache-2.0
"""What a mail program does with a dump: puts it into a letter, and takes it out of one.

python post.py send DUMP LETTER          at the customer's
python post.py open LETTER FOLDER        at the developer's
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import sys
from email.message import EmailMessage
from pathlib import Path


def send(dump: Path, letter: Path) -> None:
    """A letter as it goes over the wire, with the dump attached."""
    content = dump.read_bytes()
    head = email.message_from_bytes(content, policy=email.policy.default)  # a dump is a mail message itself
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"] = "customer@example.org", "support@example.com"
    message["Subject"] = f"It broke: {head['Subject']}"
    message.set_content("It was all fine until I walked south.\n")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=dump.name)
    letter.write_bytes(message.as_bytes())
    print(f"post: attached {dump.name}, SHA-256 {hashlib.sha256(content).hexdigest()[:12]}")


def take_out(letter: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    message = email.message_from_bytes(letter.read_bytes(), policy=email.policy.default)
    print(f"post: {message['Subject']}")
    for part in message.iter_attachments():
        content, name = part.get_payload(decode=True), Path(part.get_filename() or "unnamed").name
        (folder / name).write_bytes(content)
        print(f"post: saved {name}, SHA-256 {hashlib.sha256(content).hexdigest()[:12]}")


def main(words: list[str]) -> None:
    if len(words) != 3 or words[0] not in ("send", "open"):
        sys.exit(__doc__)
    (send if words[0] == "send" else take_out)(Path(words[1]), Path(words[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
