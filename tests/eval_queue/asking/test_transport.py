"""The way to an endpoint over real connections: idle ones, proxies, certificates, and what is sent and kept."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from eval_queue.asking.endpoint import ChatClient, EndpointError, RetryPolicy
from eval_queue.protocol import Prompt
from eval_queue.settings import Endpoint
from tests.support.certificate import self_signed
from tests.support.chat_server import Asked, ChatServer, Response, rate, say

ONCE = RetryPolicy(attempts=1)


def prompt(number: int) -> Prompt:
    return Prompt("v1", 1, number, f"question {number}")


def client(address: str, **fields: object) -> ChatClient:
    return ChatClient(Endpoint.model_validate({"name": "e", **fields}), address, "m", retry=ONCE)


async def test_an_idle_connection_that_the_server_has_closed_is_no_failure() -> None:
    def behave(asked: Asked) -> Response:
        return Response(gone=True) if (asked.prompt, asked.times) == ("question 2", 1) else rate(asked)

    with ChatServer(behave) as server:
        async with client(server.address) as chat:
            for number in (1, 2, 3):
                await chat.ask(prompt(number))
            assert chat.setbacks == 0
    assert len(server.asked) == 4


async def test_a_server_that_always_hangs_up_is_one() -> None:
    with ChatServer(lambda _: Response(gone=True)) as server:
        async with client(server.address) as chat:
            with pytest.raises(EndpointError, match="hung up") as caught:
                await chat.ask(prompt(1))
    assert (caught.value.code, caught.value.retry) == ("endpoint_gone", True)


async def test_a_proxy_is_asked_with_its_own_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("A_KEY", "sk-0123456789")
    with ChatServer() as server:
        proxy = server.address.removesuffix("/v1").replace("//", "//ada:secret@")
        monkeypatch.setenv("HTTP_PROXY", proxy)
        async with client("http://models.example/v1", api_key_env="A_KEY") as chat:
            await chat.ask(prompt(1))
            await chat.ask(prompt(2))
    for asked in server.asked:
        assert asked.path == "http://models.example/v1/chat/completions"
        assert asked.headers["host"] == "models.example"
        assert asked.headers["authorization"] == "Bearer sk-0123456789"
        assert asked.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"ada:secret").decode()


@pytest.mark.parametrize("named", ["ftp://proxy.example:21", "http://[", "socks5://127.0.0.1:9"])
async def test_a_proxy_that_cannot_be_used_is_a_sentence(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    for name in ("no_proxy", "NO_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", named)
    with pytest.raises(EndpointError, match="HTTPS_PROXY") as caught:
        client("https://models.example/v1")
    assert (caught.value.code, caught.value.fatal) == ("endpoint_gone", True)


async def test_a_certificate_that_the_operator_trusts_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(next(tmp_path.glob("*.pem"))))
    with ChatServer(tls=tls) as server:
        async with client(server.address) as chat:
            assert (await chat.ask(prompt(1))).text


async def test_nothing_of_the_user_s_own_is_sent_and_no_cookie_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    headers = {"set-cookie": "session=1; Path=/"}
    with ChatServer(lambda _: Response(say("like me").body, headers=headers)) as server:
        async with client(server.address) as chat:
            await chat.ask(prompt(1))
            await chat.ask(prompt(2))
    assert all("cookie" not in asked.headers for asked in server.asked)
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer none"}


async def test_a_long_header_is_read_and_one_without_end_is_not() -> None:
    def behave(asked: Asked) -> Response:
        length = 20_000 if asked.prompt == "question 1" else 1_000_000
        return Response(say("like me").body, headers={"x-policy": "a" * length})

    with ChatServer(behave) as server:
        async with client(server.address) as chat:
            await chat.ask(prompt(1))
            with pytest.raises(EndpointError) as caught:
                await chat.ask(prompt(2))
    assert not caught.value.fatal


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_a_damaged_compression_is_named(encoding: str) -> None:
    damaged = Response(b"\x00not compressed at all", headers={"content-encoding": encoding})
    with ChatServer(lambda _: damaged) as server:
        async with client(server.address) as chat:
            with pytest.raises(EndpointError, match="compression") as caught:
                await chat.ask(prompt(1))
    assert (caught.value.code, caught.value.retry) == ("bad_response", True)


@pytest.mark.parametrize("address", ["ftp://models.example/v1", "models.example/v1", "http:///v1"])
async def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(EndpointError, match="neither http:// nor https://") as caught:
        async with client(address) as chat:
            await chat.ask(prompt(1))
    assert (caught.value.code, caught.value.fatal) == ("endpoint_gone", True)
