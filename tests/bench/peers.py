"""The general mock servers that people use instead, from npm, in a folder of the benchmark's own.

Each has one order page; WireMock and mountebank also call the merchant back. None keeps, signs or repeats anything.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from conformance.child import free_port
from tests.bench.measuring import END_S, Running
from tests.bench.wire import PAY

FOLDER = Path(__file__).parents[2] / ".cache" / "bench"
PACKAGES = {"wiremock": "3.13.2", "mountebank": "2.9.1", "@stoplight/prism-cli": "5.16.0"}
START_S, LOOK_S = 60.0, 0.05
CALL = "/call"
"""Where an order is also called back."""


def install() -> str:
    """Why they cannot be had, "" if they are there."""
    missing = [f"{name}@{wanted}" for name, wanted in PACKAGES.items() if _installed(name) != wanted]
    if missing and shutil.which("npm") is None:
        return f"{', '.join(missing)}: npm is missing"
    if missing:
        FOLDER.mkdir(parents=True, exist_ok=True)
        words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(FOLDER), *missing]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{', '.join(missing)}: {done.stderr.strip()[-300:]}"
    return "" if shutil.which("java") else "wiremock: java is missing"


def _installed(name: str) -> str:
    package = FOLDER / "node_modules" / name / "package.json"
    return str(json.loads(package.read_text(encoding="utf-8"))["version"]) if package.exists() else ""


@contextmanager
def wiremock(callback: str) -> Iterator[Running]:
    """`callback` is the merchant's address without a query."""
    port = free_port()
    [jar] = (FOLDER / "node_modules" / "wiremock" / "build").glob("wiremock-standalone-*.jar")
    words = ["java", "-jar", str(jar), "--port", str(port), "--no-request-journal", "--disable-banner"]
    with _started([*words, "--root-dir", str(FOLDER)], port, "/__admin/mappings") as server:
        url = f"{callback}?vnp_TxnRef={{{{originalRequest.query.vnp_TxnRef}}}}"
        hook = {"name": "webhook", "parameters": {"method": "GET", "url": url}}
        answer = {
            "status": 302,
            "headers": {"Location": "/pay/{{request.query.vnp_TxnRef}}"},
            "transformers": ["response-template"],
        }
        for path, hooks in ((PAY, []), (CALL, [hook])):
            request = {"method": "GET", "urlPath": path, "queryParameters": {"vnp_SecureHash": {"matches": ".+"}}}
            _post(port, "/__admin/mappings", {"request": request, "response": answer, "serveEventListeners": hooks})
        yield server


@contextmanager
def mountebank(callback: str) -> Iterator[Running]:
    admin, port = free_port(), free_port()
    words = ["node", str(FOLDER / "node_modules" / "mountebank" / "bin" / "mb"), "start", "--port", str(admin)]
    words += [
        "--allowInjection",
        "--localOnly",
        "--nologfile",
        "--loglevel",
        "error",
        "--pidfile",
        str(FOLDER / "mb.pid"),
    ]
    with _started(words, admin, "/imposters") as server:
        answer = (
            "{ statusCode: 302, headers: { Connection: 'keep-alive', Location: '/pay/' + ref, 'Content-Length': 0 } }"
        )
        plain = f"config => {{ const ref = config.request.query.vnp_TxnRef; return {answer}; }}"
        calling = (
            "config => { const http = require('http'); const ref = config.request.query.vnp_TxnRef;"
            " config.state.agent = config.state.agent || new http.Agent({ keepAlive: true });"
            f" http.get('{callback}?vnp_TxnRef=' + ref, {{ agent: config.state.agent }}, answer => answer.resume());"
            f" return {answer}; }}"
        )
        stubs = [
            {"predicates": [{"equals": {"path": path}}], "responses": [{"inject": code}]}
            for path, code in ((PAY, plain), (CALL, calling))
        ]
        _post(admin, "/imposters", {"port": port, "protocol": "http", "stubs": stubs})
        yield Running(port, server.pid)


@contextmanager
def prism(callback: str) -> Iterator[Running]:
    """Orders alone: `callback` is not called."""
    port = free_port()
    found = {"302": {"description": "the bank's page", "headers": {"Location": {"schema": {"type": "string"}}}}}
    wanted = [{"name": "vnp_SecureHash", "in": "query", "required": True, "schema": {"type": "string"}}]
    document = {
        "openapi": "3.0.3",
        "info": {"title": "bank", "version": "1"},
        "paths": {PAY: {"get": {"parameters": wanted, "responses": found}}},
    }
    (FOLDER / "bank.json").write_text(json.dumps(document), encoding="utf-8")
    command = ["node", str(FOLDER / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"), "mock"]
    words = [
        *command,
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
        "--verboseLevel",
        "silent",
        str(FOLDER / "bank.json"),
    ]
    with _started(words, port, f"{PAY}?vnp_SecureHash=x") as server:
        yield server


@contextmanager
def _started(words: list[str], port: int, path: str) -> Iterator[Running]:
    """Once it answers. Raises RuntimeError if it does not."""
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(words[:3])} did not start")
            time.sleep(LOOK_S)
        yield Running(port, child.pid)
    finally:
        child.terminate()
        child.wait(END_S)


def _answers(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def _post(port: int, path: str, value: object) -> None:
    httpx.post(f"http://127.0.0.1:{port}{path}", json=value, trust_env=False).raise_for_status()
