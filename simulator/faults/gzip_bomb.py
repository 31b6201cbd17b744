"""The answer comes compressed, small on the wire, and unpacks to `size_bytes`: itself and then spaces."""

import struct
import zlib
from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault

_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END = b"\x03\x00"
_BLOCK = b" " * 65536


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    response = sent.response
    headers = (*response.headers, ("content-encoding", "gzip"))
    packed = msgspec.structs.replace(response, headers=headers, body=_packed(response.body, fault.size_bytes))
    return msgspec.structs.replace(sent, response=packed)


def _packed(body: bytes, size: int) -> bytes:
    """One gzip member; the spaces are compressed once and repeated, so that making it costs next to nothing."""
    blocks = max(0, size - len(body)) // len(_BLOCK)
    check = zlib.crc32(body)
    for _ in range(blocks):
        check = zlib.crc32(_BLOCK, check)
    whole = struct.pack("<II", check, (len(body) + blocks * len(_BLOCK)) & 0xFFFFFFFF)
    return _HEAD + _deflated(body) + _deflated(_BLOCK) * blocks + _END + whole


def _deflated(text: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)


FAULT = AnswerFault(
    kind="gzip_bomb",
    number=20,
    en="the answer is gzip, a thousand times larger once unpacked (size_bytes); all is done and kept",
    vi="câu trả lời nén gzip, giải nén ra lớn gấp nghìn lần (size_bytes); mọi việc đã được thực hiện",
    effect=_effect,
    commits=True,
    settings=("size_bytes",),
    defaults={"size_bytes": 64 * 1024 * 1024},
)
