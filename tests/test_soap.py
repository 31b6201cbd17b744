"""SOAP envelopes: what is read out of one, what is refused, and what a description says."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import soap
from simulator.wire import Response

PLAIN = soap.Service(
    namespace="http://bank/",
    name="bank",
    port_type="bank",
    binding="bankBinding",
    port="bankPort",
    operations={"Ask": {"number": "string", "amount": "int"}, "Confirm": {"number": "string"}},
    result="return",
)
QUALIFIED = soap.Service(
    namespace="http://tempuri.org/",
    name="WS",
    port_type="WSSoap",
    binding="WSSoap",
    port="WSSoap",
    operations={"Ask": {"number": "string"}},
    result="{operation}Result",
    qualified=True,
    action="http://tempuri.org/{operation}",
)
HEAD = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:b="http://bank/">'


def envelope(call: str, *, before: str = "", head: str = HEAD) -> bytes:
    return f"{before}{head}<e:Header><b:a><b:b/></b:a></e:Header><e:Body>{call}</e:Body></e:Envelope>".encode()


def refused(body: bytes, service: soap.Service = PLAIN) -> soap.NotSoap:
    with pytest.raises(soap.NotSoap) as caught:
        soap.read(service, body)
    return caught.value


def test_a_call_is_its_operation_and_its_values() -> None:
    call = "<b:Ask>\n <number>HS &lt;1&gt; &#272;&amp;</number> <amount><![CDATA[5]]>0</amount> </b:Ask>"
    assert soap.read(PLAIN, envelope(call)) == soap.Call("Ask", {"number": "HS <1> Đ&", "amount": "50"})


def test_a_value_may_be_absent_empty_or_nil() -> None:
    space = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    assert soap.read(PLAIN, envelope("<b:Ask/>")).values == {}
    assert soap.read(PLAIN, envelope("<b:Ask><number/></b:Ask>")).values == {"number": ""}
    assert soap.read(PLAIN, envelope(f'<b:Ask {space}><number i:nil="true">1</number></b:Ask>')).values == {}


def test_an_envelope_may_be_in_utf_16() -> None:
    body = envelope("<b:Ask><number>Đ</number></b:Ask>").decode().encode("utf-16")
    assert soap.read(PLAIN, body).values == {"number": "Đ"}


def test_values_stand_in_the_namespace_that_the_service_has_them_in() -> None:
    inside = '<Ask xmlns="http://tempuri.org/"><number>1</number></Ask>'
    assert soap.read(QUALIFIED, envelope(inside)).values == {"number": "1"}
    bare = '<t:Ask xmlns:t="http://tempuri.org/"><number>1</number></t:Ask>'
    assert "documented is 'http://tempuri.org/'" in str(refused(envelope(bare), QUALIFIED))
    assert "documented is ''" in str(refused(envelope("<b:Ask><b:number>1</b:number></b:Ask>")))


BOMB = '<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;">]>'
READER = '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (envelope("<b:Ask><number>&b;</number></b:Ask>", before=BOMB), "document type"),
        (envelope("<b:Ask><number>&f;</number></b:Ask>", before=READER), "document type"),
        (envelope("<b:Ask/>", before='<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">'), "document type"),
        (envelope("<b:Ask><number>&b;</number></b:Ask>"), "undefined entity"),
        (envelope("<b:Ask><number>" + "1" * soap.BYTES_MAX + "</number></b:Ask>"), "larger than 65536 bytes"),
        (envelope("<b:Ask><number>1</number><number>2</number></b:Ask>"), "stands twice"),
        (envelope("<b:Ask><number><b>1</b></number></b:Ask>"), "number is no text"),
        (envelope("<b:Ask/><b:Confirm/>"), "more than one call"),
        (envelope("<b:Steal/>"), "only Ask, Confirm"),
        (envelope("<Ask/>"), "there is no operation 'Ask'"),
        (envelope(""), "body is empty"),
        (envelope("<b:Ask/>").replace(b"<b:b/>", b"<c>" * 30 + b"</c>" * 30), "nested deeper than 20"),
        (envelope("<b:Ask><number>\xff</number></b:Ask>").replace("ÿ".encode(), b"\xff"), "no XML"),
        (envelope("<b:Ask><number>\x00</number></b:Ask>"), "no XML"),
        (b"", "no XML"),
        (b"{}", "no XML"),
        (b"<a/>", "no envelope"),
        (envelope("<b:Ask/>")[:-3], "no XML"),
    ],
)
def test_what_is_no_call_is_refused(body: bytes, told: str) -> None:
    error = refused(body)
    assert told in str(error)
    assert error.code == "Client"


def test_another_version_of_soap_is_told_as_such() -> None:
    later = envelope("<b:Ask/>").replace(
        b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"
    )
    assert refused(later).code == "VersionMismatch"


def tree(response: Response) -> ElementTree.Element:
    assert dict(response.headers)["content-type"] == "text/xml; charset=utf-8"
    return ElementTree.fromstring(response.body)


def test_an_answer_is_one_text_where_the_service_has_it() -> None:
    plain = tree(soap.answer(PLAIN, "Ask", "1|<&>\x00|Đ"))
    assert plain.findtext(f".//{{{soap.ENVELOPE}}}Body/{{http://bank/}}AskResponse/return") == "1|<&>?|Đ"
    path = ".//{http://tempuri.org/}AskResponse/{http://tempuri.org/}AskResult"
    assert tree(soap.answer(QUALIFIED, "Ask", "1|2")).findtext(path) == "1|2"


def test_a_fault_is_500_with_code_and_reason() -> None:
    response = soap.fault(soap.NotSoap("no <XML>", "VersionMismatch"))
    assert response.status == 500
    fault = tree(response).find(f".//{{{soap.ENVELOPE}}}Fault")
    assert fault is not None
    assert [each.text for each in fault] == ["S:VersionMismatch", "no <XML>"]


@pytest.mark.parametrize("service", [PLAIN, QUALIFIED], ids=["plain", "qualified"])
def test_a_description_names_all_that_a_client_needs(service: soap.Service) -> None:
    found = tree(soap.wsdl(service, "http://127.0.0.1:1/s/a/bank?a=1&b=2"))
    wsdl, xs, binding = (
        "{http://schemas.xmlsoap.org/wsdl/}",
        f"{{{soap.SCHEMA}}}",
        "{http://schemas.xmlsoap.org/wsdl/soap/}",
    )
    assert found.attrib["targetNamespace"] == service.namespace
    elements = {each.attrib["name"]: each for each in found.iterfind(f"{wsdl}types/{xs}schema/{xs}element")}
    assert set(elements) == {name + end for name in service.operations for end in ("", "Response")}
    for name, values in service.operations.items():
        inner = {each.attrib["name"]: each.attrib["type"] for each in elements[name].iterfind(f".//{xs}element")}
        assert inner == {value: f"xs:{kind}" for value, kind in values.items()}
    (address,) = found.iter(f"{binding}address")
    assert address.attrib["location"] == "http://127.0.0.1:1/s/a/bank?a=1&b=2"
    actions = {each.attrib["soapAction"] for each in found.iter(f"{binding}operation")}
    assert actions == {service.action.format(operation=name) for name in service.operations}


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: envelope(f"<b:Ask>{text}</b:Ask>"))))
def test_any_bytes_are_a_call_or_no_call(body: bytes) -> None:
    try:
        answered = soap.answer(PLAIN, soap.read(PLAIN, body).operation, "")
    except soap.NotSoap as error:
        answered = soap.fault(error)
    assert tree(answered).tag == f"{{{soap.ENVELOPE}}}Envelope"
