"""The bank sheet as a PDF, in the look of our other papers."""

from billing import papers
from billing.papers import Field, Form
from payments.sheets import Row, Section, Sheet


def draw(sheet: Sheet) -> bytes:
    """The sheet on A4; the same orders give the same bytes."""
    form = Form(
        title="Bank sheet 汇款单",
        number=sheet.title,
        issuer="InnoPaaS",
        subjects=[
            "  ".join(transfer.order.number for transfer in sheet.transfers),
            sheet.transfers[0].organisation.name,
        ],
        sections=[_describe(section) for section in sheet.sections],
        notes=[sheet.reminder.en, sheet.reminder.zh],
    )
    return papers.draw_form(form.to_json(), language="en")


def _describe(section: Section) -> papers.Section:
    return papers.Section(title=f"{section.en} {section.zh}", rows=[_enter(row) for row in section.rows])


def _enter(row: Row) -> Field:
    return Field(label=f"{row.en} {row.zh}", values=[value.text for value in row.values], is_strong=row.is_strong)
