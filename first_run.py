"""Write ``.env`` from ``.env.example`` with secrets of its own, and show them this once."""

import os
import secrets
from pathlib import Path


def main() -> None:
    """Write the file for its owner alone; fail if there is one."""
    token, key = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    text = Path(".env.example").read_text(encoding="utf-8")
    text = text.replace("{callback token}", token).replace("{API key}", key)
    descriptor = os.open(".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    print(
        "Wrote .env with new secrets, shown only this once:",
        f"  callback token  {token}",
        f"  API key         {key}",
        "  Put your own SDKAppID in place of 888888, and the token into Tencent's console.",
        sep="\n",
    )


if __name__ == "__main__":
    main()
