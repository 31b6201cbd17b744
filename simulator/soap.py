"""SOAP 1.1 calls of a bank's web service: read without entities and within bounds, answered, and described by a WSDL.

Rule: pure. Messages are document/literal wrapped; a call is one element of texts, an answer one text.
"""

from collections.abc import Mapping
from html import escape
from xml.parsers import expat

import msgspec

from simulator.wire import Response

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SCHEMA = "http://www.w3.org/2001/XMLSchema"
NIL = "http://www.w3.org/2001/XMLSchema-instance nil"
XML_TYPE = "text/xml; charset=utf-8"
BYTES_MAX = 64 * 1024
DEPTH_MAX = 20
VALUE_DEPTH = 4
"""Envelope, Body, the operation, its values."""


class NotSoap(ValueError):
    """No call that this service could answer. `code` is the fault's: "Client", "VersionMismatch"."""

    def __init__(self, message: str, code: str = "Client") -> None:
        super().__init__(message)
        self.code = code


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A web service: `operations` are the values of each, by name, with their types of XML Schema ("string", "int").

    `result` names the text of an answer ("{operation}Result"). `qualified` = values and result are in the namespace.
    `action` is the SOAPAction of each ("" or "http://tempuri.org/{operation}"). `binding` and `port` are its names.
    """

    namespace: str
    name: str
    port_type: str
    binding: str
    port: str
    operations: Mapping[str, Mapping[str, str]]
    result: str
    qualified: bool = False
    action: str = ""


class Call(msgspec.Struct, frozen=True):
    """A call understood; values that are nil are left out."""

    operation: str
    values: dict[str, str]


def read(service: Service, body: bytes) -> Call:
    """The call in an envelope. Raises NotSoap: also for a document type, so that there are no entities to expand."""
    if len(body) > BYTES_MAX:
        raise NotSoap(f"the envelope is larger than {BYTES_MAX} bytes")
    reader = _Reader(service)
    parser = expat.ParserCreate("utf-8", " ")
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise NotSoap(f"no XML: {error}") from error
    if not reader.operation:
        raise NotSoap("the envelope's body is empty")
    return Call(reader.operation, reader.values)


class _Reader:
    """Follows the elements of one envelope. Names are "namespace local", or only "local"."""

    def __init__(self, service: Service) -> None:
        self.operation = ""
        self.values: dict[str, str] = {}
        self._service = service
        self._open: list[str] = []
        self._name = ""
        self._text: list[str] = []

    def doctype(self, name: str, system_id: str | None, public_id: str | None, has_subset: int) -> None:
        raise NotSoap("a document type is not allowed")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        depth = len(self._open)
        if depth > DEPTH_MAX:
            raise NotSoap(f"elements are nested deeper than {DEPTH_MAX}")
        if depth == 1 and name != f"{ENVELOPE} Envelope":
            code = "VersionMismatch" if name.endswith(" Envelope") else "Client"
            raise NotSoap(f"{name[:80]!r} is no envelope of SOAP 1.1", code)
        if depth > 2 and self._open[1] == f"{ENVELOPE} Body":
            self._in_body(name, attributes, depth)

    def _in_body(self, name: str, attributes: dict[str, str], depth: int) -> None:
        namespace, _, local = name.rpartition(" ")
        if depth == VALUE_DEPTH - 1:
            if self.operation:
                raise NotSoap("the body has more than one call")
            if namespace != self._service.namespace or local not in self._service.operations:
                raise NotSoap(f"there is no operation {name[:80]!r}, only {', '.join(self._service.operations)}")
            self.operation = local
        elif depth == VALUE_DEPTH:
            self._begin_value(namespace, local, attributes)
        else:
            raise NotSoap(f"{self._name} is no text")

    def _begin_value(self, namespace: str, local: str, attributes: dict[str, str]) -> None:
        expected = self._service.namespace if self._service.qualified else ""
        if namespace != expected:
            raise NotSoap(f"{local[:40]!r} is in the namespace {namespace[:80]!r}, documented is {expected!r}")
        if local in self.values:
            raise NotSoap(f"{local[:40]!r} stands twice")
        self._name, self._text = local, []
        if attributes.get(NIL) not in ("true", "1"):
            self.values[local] = ""

    def text(self, text: str) -> None:
        if len(self._open) == VALUE_DEPTH:
            self._text.append(text)

    def end(self, name: str) -> None:
        if len(self._open) == VALUE_DEPTH and self._name in self.values:
            self.values[self._name] = "".join(self._text)
        self._name = ""
        self._open.pop()


def answer(service: Service, operation: str, text: str) -> Response:
    """200 with the operation's result."""
    result = service.result.format(operation=operation)
    prefix = "" if service.qualified else "w:"
    space = f'xmlns="{service.namespace}"' if service.qualified else f'xmlns:w="{service.namespace}"'
    wrapper = f"{prefix}{operation}Response"
    return _enveloped(200, f"<{wrapper} {space}><{result}>{_xml(text)}</{result}></{wrapper}>")


def fault(error: NotSoap) -> Response:
    """500 with the fault, which is where clients of SOAP 1.1 look for one."""
    told = f"<faultcode>S:{error.code}</faultcode><faultstring>{_xml(str(error))}</faultstring>"
    return _enveloped(500, f"<S:Fault>{told}</S:Fault>")


def _enveloped(status: int, body: str) -> Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="{ENVELOPE}"><S:Body>{body}</S:Body></S:Envelope>'
    )
    return Response(status, (("content-type", XML_TYPE),), text.encode())


def _xml(text: str) -> str:
    """Escaped; what no XML may contain is shown as a question mark."""
    return escape(
        "".join(each if each >= " " or each in "\t\n" else "?" for each in text if each not in "\ufffe\uffff")
    )


def wsdl(service: Service, url: str) -> Response:
    """The service's description, for clients that read one; `url` is where it is called."""
    form = "qualified" if service.qualified else "unqualified"
    names = service.operations
    parts = (
        f'<types><xs:schema targetNamespace="{service.namespace}" elementFormDefault="{form}">',
        *(_element(service, name) for name in names),
        "</xs:schema></types>",
        *(
            f'<message name="{name}{end}"><part name="parameters" element="tns:{name}{end}"/></message>'
            for name in names
            for end in ("", "Response")
        ),
        f'<portType name="{service.port_type}">',
        *(
            f'<operation name="{name}"><input message="tns:{name}"/><output message="tns:{name}Response"/></operation>'
            for name in names
        ),
        f'</portType><binding name="{service.binding}" type="tns:{service.port_type}">',
        '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>',
        *(
            f'<operation name="{name}"><soap:operation soapAction="{service.action.format(operation=name)}"/>'
            '<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>'
            for name in names
        ),
        f'</binding><service name="{service.name}"><port name="{service.port}" binding="tns:{service.binding}">',
        f'<soap:address location="{_xml(url)}"/></port></service>',
    )
    spaces = f'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="{SCHEMA}" xmlns:tns="{service.namespace}"'
    head = f'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" {spaces} targetNamespace="{service.namespace}">'
    text = f'<?xml version="1.0" encoding="UTF-8"?>{head}{"".join(parts)}</definitions>'
    return Response(200, (("content-type", XML_TYPE),), text.encode())


def _element(service: Service, operation: str) -> str:
    """The two elements of an operation: its call and its answer."""
    called = "".join(
        f'<xs:element name="{name}" type="xs:{kind}" minOccurs="0"/>'
        for name, kind in service.operations[operation].items()
    )
    result = service.result.format(operation=operation)
    answered = f'<xs:element name="{result}" type="xs:string" minOccurs="0"/>'
    return "".join(
        f'<xs:element name="{name}"><xs:complexType><xs:sequence>{inner}</xs:sequence></xs:complexType></xs:element>'
        for name, inner in ((operation, called), (f"{operation}Response", answered))
    )
