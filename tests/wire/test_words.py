"""What a server says shows no secret of the run, whichever request it answers."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from werkzeug import Response

from tests.conftest import Run, write
from tests.wire.couch import Asked, Couch, answer

SENT, LIVE, PASSWORD = "the-sent/secret+é-marker", "the-live-secret-marker", "the-password-marker"


def repeated(asked: Asked) -> str:
    """All that the request holds, in every encoding."""
    plain = f"{json.dumps(asked.body, ensure_ascii=False)} {LIVE} {PASSWORD} {asked.headers['authorization']}"
    packed = base64.b64encode(plain.encode()).decode()
    return f"{plain} {json.dumps(plain)} {quote(plain)} {packed}"


@pytest.mark.parametrize("number", [1, 40])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_reason_that_throws_back_what_it_got(
    folder: Path, couch: Couch, url: str, run: Run, number: int, status: int
) -> None:
    couch.put("live", client_secret="another", extras={"token": LIVE})
    for index in range(number):
        text = f"grant_mode: authorization_code\nclient_id: '1'\nclient_secret: {SENT}\nauth_endpoint: https://a.example/\n"
        text += "extras: {api_key: an-extra-marker, hook: 'https://u:a-hook-marker@a.example/'}\n"
        write(folder / f"account_types/t{index:02}.yaml", text)

    def handler(asked: Asked) -> Response | None:
        if asked.path.endswith("_bulk_docs"):
            ids = [each["_id"] for each in asked.body["docs"]]
            return answer(201, [{"id": id, "error": "forbidden", "reason": repeated(asked)} for id in ids])
        if asked.method == "PUT":
            return answer(status, {"error": "forbidden", "reason": repeated(asked)})
        return None

    couch.before = handler
    done = run("apply", "--couch", url.replace("http://", f"http://ada:{PASSWORD}@"))
    assert done.code == 1
    shown = done.out + done.err
    assert "(secret)" in shown
    for marker in (SENT, LIVE, PASSWORD, "marker", quote(SENT), base64.b64encode(SENT.encode()).decode()[:12]):
        assert marker not in shown
    assert max(map(len, shown.splitlines())) < 500
