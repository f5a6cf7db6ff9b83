"""The elements of a CAMT.053 file, as a stream of what statements are made of. Of the rest nothing is kept.

defusedxml reads the XML: declarations of entities and document types are refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError
from django.utils.translation import gettext as _

from payments.statements.lines import StatementUnreadable

_PIECE: Final = 1 << 16
_DEEPEST: Final = 40
_MOST_ELEMENTS: Final = 5_000_000
_WITHIN: Final = {"Stmt": "", "Bal": "Stmt", "Ntry": "Stmt", "TxDtls": "Ntry"}
_OTHER_MESSAGES: Final = ("BkToCstmrAcctRpt", "BkToCstmrDbtCdtNtfctn")
_WANTED: Final = frozenset(
    {
        "/Acct/Id/IBAN",
        "/Acct/Id/Othr/Id",
        "/Acct/Ccy",
        "/Tp/CdOrPrtry/Cd",
        "/Amt",
        "/CdtDbtInd",
        "/Dt/Dt",
        "/Dt/DtTm",
        "/Sts",
        "/Sts/Cd",
        "/RvslInd",
        "/BookgDt/Dt",
        "/BookgDt/DtTm",
        "/ValDt/Dt",
        "/ValDt/DtTm",
        "/NtryRef",
        "/AcctSvcrRef",
        "/AddtlNtryInf",
        "/AmtDtls/TxAmt/Amt",
        "/Refs/AcctSvcrRef",
        "/Refs/EndToEndId",
        "/Refs/InstrId",
        "/RmtInf/Ustrd",
        "/RmtInf/Strd/CdtrRefInf/Ref",
        "/RmtInf/Strd/AddtlRmtInf",
        "/AddtlTxInf",
        *(
            f"/RltdPties/{path}"
            for party in ("Dbtr", "Cdtr")
            for path in (
                f"{party}/Nm",
                f"{party}/Pty/Nm",
                f"Ultmt{party}/Nm",
                f"Ultmt{party}/Pty/Nm",
                f"{party}Acct/Id/IBAN",
                f"{party}Acct/Id/Othr/Id",
            )
        ),
    }
)


@dataclass(kw_only=True, slots=True)
class Node:
    """A statement, balance, entry or detail with the texts below it, by their path from it."""

    name: str
    line: int
    parent: "Node | None" = None
    texts: dict[str, list[str]] = field(default_factory=dict)
    details: list["Node"] = field(default_factory=list)

    def get(self, *paths: str) -> str:
        """The first text at the first of the paths that has one."""
        return next((self.texts[path][0] for path in paths if path in self.texts), "")


def read_nodes(text: str) -> Iterator[Node]:
    """Balances, entries (with their details) and statements, each when it ends; a statement's come before it."""
    elements = _Elements()
    parser = DefusedXMLParser(target=elements, forbid_dtd=True)
    elements.follow(parser)
    for start in range(0, len(text), _PIECE):
        with _refusals():
            parser.feed(text[start : start + _PIECE])
        yield from elements.take_ended()
    with _refusals():
        parser.close()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except DefusedXmlException as error:
        raise StatementUnreadable(
            _("The file declares entities or a document type, which no bank's statement does. It is not read.")
        ) from error
    except (ParseError, ValueError) as error:
        line = error.position[0] if isinstance(error, ParseError) else None
        raise StatementUnreadable(
            _("The XML is broken here; the file is incomplete. Export it again."), line=line
        ) from error


class _Elements:
    """The parser's target: follows the elements and keeps of them what `_WANTED` names, entry by entry."""

    def __init__(self) -> None:
        self._ended: list[Node] = []
        self._nodes: list[Node] = []
        self._paths: list[str] = []
        self._text: list[str] = []
        self._elements = 0

    def follow(self, parser: DefusedXMLParser) -> None:
        """Take the line numbers from this parser, which is expat's own underneath."""
        self._expat = cast("Any", parser).parser

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag[tag.rfind("}") + 1 :]
        self._elements += 1
        if len(self._paths) == _DEEPEST or self._elements > _MOST_ELEMENTS:
            raise self._refused(_("The XML is nested deeper, or has more elements, than any statement."))
        if name.startswith(_OTHER_MESSAGES):
            raise self._refused(
                _("This is a report within the day (CAMT.052) or a notice (CAMT.054). Import the statement, CAMT.053.")
            )
        path = f"{self._paths[-1]}/{name}" if self._paths else "/"
        if name in _WITHIN:
            self._begin(name)
            path = ""
        elif self._nodes and path in _WANTED and "Ccy" in attributes:
            self._nodes[-1].texts.setdefault(f"{path}@Ccy", []).append(attributes["Ccy"])
        self._paths.append(path)
        self._text = []

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, tag: str) -> None:  # noqa: ARG002  # expat's signature
        path = self._paths.pop()
        if not path:
            self._finish(self._nodes.pop())
        elif self._nodes and path in _WANTED and (text := "".join(self._text).strip()):
            self._nodes[-1].texts.setdefault(path, []).append(text)
        self._text = []

    def close(self) -> None:
        """Nothing is left to do: a statement that has not ended has broken the XML before."""

    def take_ended(self) -> list[Node]:
        """What has ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def _begin(self, name: str) -> None:
        parent = self._nodes[-1] if self._nodes else None
        if _WITHIN[name] != (parent.name if parent else ""):
            raise self._refused(_("<%(name)s> does not belong here.") % {"name": name})
        self._nodes.append(Node(name=name, line=self._expat.CurrentLineNumber, parent=parent))

    def _finish(self, node: Node) -> None:
        if node.name == "TxDtls" and node.parent:
            node.parent.details.append(node)
        else:
            self._ended.append(node)

    def _refused(self, message: str) -> StatementUnreadable:
        return StatementUnreadable(message, line=self._expat.CurrentLineNumber)
