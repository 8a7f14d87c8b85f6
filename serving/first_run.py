"""Write ``.env`` from ``.env.example`` with random secrets, and print them once."""

import os
import secrets
from pathlib import Path

SECRET_BYTES = 24


def main() -> None:
    """Write the file, readable by its owner only.

    Raises:
        SystemExit: there is one already, which stays as it is; or the secrets can't be shown.
    """
    token, key = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    text = Path(".env.example").read_text(encoding="utf-8")
    text = text.replace("{callback token}", token).replace("{API key}", key)
    try:
        descriptor = os.open(".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SystemExit(".env exists already; nothing was changed") from None
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    lines = (
        "Created .env with random secrets, shown only this once:",
        f"  callback token  {token}",
        f"  API key         {key}",
        "  Replace 888888 in .env with your SDKAppID and enter the token in Tencent's console.",
    )
    try:
        with open(1, "w", encoding="utf-8", closefd=False) as output:
            print(*lines, sep="\n", file=output)
    except OSError as fault:
        os.unlink(".env")
        raise SystemExit(f"the secrets can't be shown, so none was kept: {fault}") from None


if __name__ == "__main__":
    main()
